// Runs all methods of both providers against the API at API_URL.
import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { setSubmissionErrors } from "ra-core";

import { ApiError, reactAdminProvider, refineProvider, resourceNames } from "./out/provider.js";

const url = process.env.API_URL;
const ra = reactAdminProvider(url);
const refine = refineProvider(`${url}/`);

const firstPage = { pagination: { page: 1, perPage: 10 }, sort: { field: "id", order: "ASC" }, filter: {} };
const missing = "00000000-0000-7000-8000-000000000000";

/** Return a fetch that records its requests. */
function recorder() {
  const requests = [];
  const record = async (to, init) => {
    requests.push({ url: String(to), ...init });
    return globalThis.fetch(to, init);
  };
  return { requests, fetch: record };
}

/** How to make rows of each kind of key, and what to change of one and of several. */
const KINDS = {
  int: { name: "notes", row: (n) => ({ text: `note ${n}` }), change: { text: "changed" }, common: { kind: "b" }, missing: 99999 },
  "int of the client": {
    name: "countries",
    key: "number",
    row: (n) => ({ number: n, name: `country ${n}` }),
    change: { name: "changed" },
    common: { area: 7 },
    missing: 99999,
  },
  text: {
    name: "tags",
    key: "code",
    row: (n) => ({ code: `tag ${n}?&ü%`, label: `tag ${n}`, plate: `AB-${n}` }),
    change: { label: "changed" },
    common: { plate: "X" },
    missing: "none",
  },
  uuid: { name: "visits", row: (n) => ({ who: `visitor ${n}` }), change: { who: "changed" }, common: { who: "same" }, missing },
};

async function rejected(promise) {
  let found;
  await assert.rejects(promise, (error) => {
    assert(error instanceof ApiError, String(error));
    found = error;
    return true;
  });
  assert.equal(found.status, found.statusCode);
  return found;
}

async function everyRow(name) {
  return (await refine.getList({ resource: name, pagination: { mode: "off" } })).data;
}

beforeEach(async () => {
  for (const name of ["notes", "countries", "tags", "visits", "drafts", "seats", "blog_posts"]) {
    const ids = (await everyRow(name)).map((row) => row.id);
    await refineProvider(url).deleteMany({ resource: name, ids });
  }
});

test("the resources are those of the spec", () => {
  assert.deepEqual(resourceNames, [
    ...["animals", "blog_posts", "countries", "crews", "drafts", "entries", "events", "members", "notes", "seats", "skills"],
    ...["tags", "visits"],
  ]);
});

for (const [kind, { name, key = "id", row, change, common, missing }] of Object.entries(KINDS)) {
  describe(`a key of type ${kind}`, () => {
    test("react-admin's methods", async () => {
      const { data: one } = await ra.create(name, { data: row(1) });
      const { data: two } = await ra.create(name, { data: row(2) });
      const { data: three } = await ra.create(name, { data: row(3) });
      assert.equal(one.id, one[key]);

      const list = await ra.getList(name, firstPage);
      assert.deepEqual([...list.data].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)), [one, two, three]);
      assert.equal(list.total, 3);
      assert.deepEqual(list.pageInfo, { hasNextPage: false, hasPreviousPage: false });

      assert.deepEqual(await ra.getOne(name, { id: one.id }), { data: one });
      assert.deepEqual(await ra.getOne(name, { id: String(one.id) }), { data: one });
      const ids = [three.id, missing, one.id];
      assert.deepEqual(await ra.getMany(name, { ids }), { data: [three, one] });
      assert.deepEqual(await ra.getMany(name, { ids: ids.map(String) }), { data: [three, one] });

      const params = { id: one.id, data: { ...one, ...change }, previousData: one };
      const { data: updated } = await ra.update(name, params);
      assert.deepEqual(updated, { ...one, ...change });

      const several = [two.id, three.id];
      assert.deepEqual(await ra.updateMany(name, { ids: several, data: common }), { data: several });
      const { data: now } = await ra.getMany(name, { ids: several });
      assert.deepEqual(now, [{ ...two, ...common }, { ...three, ...common }]);

      assert.deepEqual(await ra.delete(name, { id: one.id, previousData: updated }), { data: updated });
      assert.deepEqual(await ra.deleteMany(name, { ids: several }), { data: several });
      assert.equal((await ra.getList(name, firstPage)).total, 0);
    });

    test("refine's methods", async () => {
      const { data: one } = await refine.create({ resource: name, variables: row(1) });
      const many = await refine.createMany({ resource: name, variables: [row(2), row(3)] });
      const [two, three] = many.data;
      assert.equal(three.id, three[key]);

      const { data, total } = await refine.getList({ resource: name });
      assert.equal(total, 3);
      assert.deepEqual(new Set(data.map((one) => one.id)), new Set([one.id, two.id, three.id]));
      assert.deepEqual(await refine.getOne({ resource: name, id: String(two.id) }), { data: two });
      const ids = [three.id, one.id];
      assert.deepEqual(await refine.getMany({ resource: name, ids }), { data: [three, one] });

      const updated = await refine.update({ resource: name, id: one.id, variables: { ...change, id: one.id } });
      assert.deepEqual(updated.data, { ...one, ...change });
      const all = await refine.updateMany({ resource: name, ids: [String(two.id), three.id], variables: common });
      assert.deepEqual(all.data, [{ ...two, ...common }, { ...three, ...common }]);

      assert.deepEqual(await refine.deleteOne({ resource: name, id: one.id }), { data: { id: one.id } });
      const deleted = await refine.deleteMany({ resource: name, ids: [two.id, three.id] });
      assert.deepEqual(deleted, { data: [{ id: two.id }, { id: three.id }] });
      assert.deepEqual(await everyRow(name), []);
    });

    test("a missing row is 404", async () => {
      assert.equal((await rejected(ra.getOne(name, { id: missing }))).status, 404);
      assert.equal((await rejected(ra.update(name, { id: missing, data: change }))).status, 404);
      assert.equal((await rejected(refine.deleteOne({ resource: name, id: missing }))).statusCode, 404);
      assert.deepEqual(await refine.getMany({ resource: name, ids: [missing] }), { data: [] });
    });
  });
}

test("rows with a property of every type", async () => {
  const data = {
    ...{ title: "Cat", legs: 4, weight: 4.5, born: "2020-02-29", feeds_at: "12:00:00", species: "felis" },
    ...{ seen_at: "2026-01-01T12:00:00Z", chip: missing, contact: "a@example.com", page: "http://example.com/" },
    ...{ data: { a: [1, null] }, photo: "aGk=", secret: "long enough", note: "" },
  };
  const { data: made } = await ra.create("animals", { data });
  assert.equal(made.price, "1.50");
  assert.deepEqual(made.data, data.data);
  assert(!("secret" in made));
  const { data: read } = await ra.getOne("animals", { id: made.id });
  const change = { title: "Dog", data: { b: 1 }, price: "2.25", secret: "another secret" };
  const { data: updated } = await ra.update("animals", { id: made.id, data: { ...read, ...change }, previousData: read });
  assert.deepEqual({ ...updated, updated_at: null }, { ...read, title: "Dog", data: { b: 1 }, price: "2.25", updated_at: null });
  const filters = { born__lt: new Date("2021-01-01").toISOString().slice(0, 10), seen_at: new Date(data.seen_at), tame: false };
  assert.equal((await ra.getList("animals", { ...firstPage, filter: { ...filters, price__gte: "2.25" } })).total, 1);
  assert.equal((await ra.getList("animals", { ...firstPage, filter: { ...filters, price__gt: "2.25" } })).total, 0);
  const error = await rejected(ra.update("animals", { id: made.id, data: { contact: "none", weight: "5" } }));
  assert.deepEqual(Object.keys(error.errors).sort(), ["contact", "weight"]);
  await ra.delete("animals", { id: made.id });
});

describe("lists", () => {
  beforeEach(async () => {
    const kinds = ["a", "b"];
    const variables = [...Array(250).keys()].map((n) => ({
      text: `Note ${n}`,
      kind: kinds[n % 2],
      count: n,
      parentId: n % 10 ? 7 : null,
    }));
    await refine.createMany({ resource: "notes", variables });
  });

  const counts = async (filter, more = {}) =>
    (await ra.getList("notes", { ...firstPage, sort: { field: "count", order: "ASC" }, filter, ...more })).data.map((row) => row.count);
  const found = async (filters, more = {}) =>
    (await refine.getList({ resource: "notes", filters, sorters: [{ field: "count", order: "asc" }], ...more })).data.map((row) => row.count);

  test("pages may be larger than those of the API", async () => {
    const pagination = { page: 2, perPage: 120 };
    const list = await ra.getList("notes", { ...firstPage, pagination, sort: { field: "count", order: "DESC" } });
    assert.deepEqual(list.data.map((row) => row.count), [...Array(120).keys()].map((n) => 129 - n));
    assert.equal(list.total, 250);
    assert.deepEqual(list.pageInfo, { hasNextPage: true, hasPreviousPage: true });
    const last = await ra.getList("notes", { ...firstPage, pagination: { page: 3, perPage: 120 } });
    assert.equal(last.data.length, 10);
    assert.equal(last.pageInfo.hasNextPage, false);
    const page = await refine.getList({ resource: "notes", pagination: { currentPage: 3, pageSize: 100 } });
    assert.deepEqual([page.data.length, page.total], [50, 250]);
  });

  test("all rows can be read, and several hundred by their keys", async () => {
    const rows = await everyRow("notes");
    assert.equal(new Set(rows.map((row) => row.id)).size, 250);
    const ids = rows.map((row) => row.id).reverse();
    const { data } = await ra.getMany("notes", { ids });
    assert.deepEqual(data.map((row) => row.id), ids);
    await refine.updateMany({ resource: "notes", ids, variables: { kind: "a" } });
    assert((await everyRow("notes")).every((row) => row.kind === "a"));
  });

  test("rows are counted once, and all rows are read by cursor", async () => {
    const { requests, fetch } = recorder();
    const pagination = { page: 1, perPage: 120 };
    await reactAdminProvider(url, { fetch }).getList("notes", { ...firstPage, pagination });
    await refineProvider(url, { fetch }).getList({ resource: "notes", pagination: { mode: "off" } });
    const queries = requests.map((one) => new URL(one.url).searchParams);
    assert.deepEqual(queries.map((one) => one.get("count")), ["exact", null, null, "exact", null, null, null, null]);
    assert.deepEqual(queries.map((one) => one.get("limit")), ["50", "50", "20", "50", "50", "50", "50", "50"]);
    assert.deepEqual(queries.map((one) => one.has("cursor")), [false, false, false, true, true, true, true, true]);
  });

  test("keys fit into the URL, whatever their length, and are sent once", async () => {
    const ids = [...Array(60).keys()].map((n) => "x".repeat(180) + "abcdefghij"[n % 10] + "abcdefghij"[Math.floor(n / 10)]);
    await refine.createMany({ resource: "blog_posts", variables: ids.map((uid) => ({ uid })) });
    const { requests, fetch } = recorder();
    const { data } = await reactAdminProvider(url, { fetch }).getMany("blog_posts", { ids: [...ids, ids[0]] });
    assert.deepEqual(data.map((row) => row.id), [...ids, ids[0]]);
    const sent = requests.flatMap((one) => new URL(one.url).searchParams.getAll("uid__in"));
    assert.deepEqual(sent, ids);
  });

  test("sort", async () => {
    const sorters = [{ field: "kind", order: "desc" }, { field: "count", order: "asc" }];
    const { data } = await refine.getList({ resource: "notes", sorters, pagination: { pageSize: 2 } });
    assert.deepEqual(data.map((row) => row.count), [1, 3]);
    const newest = await ra.getList("notes", { ...firstPage, sort: { field: "id", order: "DESC" } });
    assert.equal(newest.data[0].count, 249);
    assert.equal((await ra.getList("countries", firstPage)).total, 0, "its key is not among `sort`");
    const error = await rejected(ra.getList("countries", { ...firstPage, sort: { field: "area", order: "ASC" } }));
    assert.equal(error.status, 422);
    assert.match(error.message, /^sort: /);
  });

  test("react-admin's filters", async () => {
    assert.deepEqual(await counts({ count: 3 }), [3]);
    assert.deepEqual(await counts({ count__gte: 3, count__lt: 5, kind: undefined }), [3, 4]);
    assert.deepEqual(await counts({ count: [3, 9, 5] }), [3, 5, 9]);
    assert.deepEqual(await counts({ text__icontains: "NOTE 24", kind__ne: "a" }), [241, 243, 245, 247, 249]);
    assert.deepEqual(await counts({ parentId: null, count__lte: 20 }), [0, 10, 20]);
    assert.deepEqual(await counts({ parentId__ne: null, count__lte: 2 }), [1, 2]);
    assert.deepEqual(await counts({ q: "note 111" }), [111]);
    assert.deepEqual(await counts({ count: [] }), []);
    assert.deepEqual(await counts({ count__ne: [0, 2], count__lt: 4 }), [1, 3]);
    assert.deepEqual(await counts({ count__ne: [], count__lt: 2 }), [0, 1]);
    const [row] = await everyRow("notes");
    assert.deepEqual(await counts({ id: row.id }), [row.count]);
    assert.deepEqual(await counts({ id__in: [row.id] }), [row.count]);
    const reference = { ...firstPage, target: "parentId", id: 7, filter: { count__lt: 4 } };
    const { data, total } = await ra.getManyReference("notes", reference);
    assert.deepEqual([data.map((row) => row.count), total], [[1, 2, 3], 3]);
  });

  test("refine's filters", async () => {
    const filter = (field, operator, value) => [{ field, operator, value }];
    assert.deepEqual(await found(filter("count", "eq", 3)), [3]);
    assert.deepEqual(await found(filter("count", "between", [3, 5])), [3, 4, 5]);
    assert.deepEqual(await found(filter("count", "in", [3, 5])), [3, 5]);
    assert.deepEqual(await found(filter("count", "in", [])), []);
    assert.deepEqual(await found([...filter("count", "nin", [0, 2]), ...filter("count", "lte", 3)]), [1, 3]);
    assert.deepEqual(await found(filter("text", "contains", "TE 100")), [100]);
    assert.deepEqual(await found(filter("text", "containss", "TE 100")), []);
    assert.deepEqual(await found(filter("text", "startswiths", "Note 24"), { pagination: { pageSize: 3 } }), [24, 240, 241]);
    assert.deepEqual(await found([...filter("parentId", "null", true), ...filter("count", "lt", 11)]), [0, 10]);
    assert.deepEqual(await found([...filter("parentId", "nnull", true), ...filter("count", "lt", 2)]), [1]);
    assert.deepEqual(await found(filter("q", "contains", "note 111")), [111]);
    const both = [...filter("count", "gt", 3), ...filter("count", "lt", 6)];
    assert.deepEqual(await found([{ operator: "and", value: both }]), [4, 5]);
    for (const operator of ["or", "ncontains"]) {
      const error = await rejected(found([{ field: "text", operator, value: both }]));
      assert.equal(error.message, `The API has no filter operator "${operator}"`);
    }
  });

  test("an unknown filter is an error", async () => {
    const error = await rejected(counts({ nothing: 1 }));
    assert.equal(error.status, 422);
    assert.match(error.message, /^nothing: Unknown parameter/);
    assert.equal(error.errors, undefined);
    assert.match((await rejected(counts({ author: { name: "x" } }))).message, /"author" does not accept \{"name":"x"\}/);
  });
});

describe("errors", () => {
  test("422 has the messages by property", async () => {
    for (const create of [
      () => ra.create("notes", { data: { text: "", kind: "c", nmae: 1 } }),
      () => refine.create({ resource: "notes", variables: { text: "", kind: "c", nmae: 1 } }),
    ]) {
      const error = await rejected(create());
      assert.equal(error.status, 422);
      assert.deepEqual(Object.keys(error.errors).sort(), ["kind", "nmae", "text"]);
      assert.equal(error.errors.text, "String should have at least 1 character");
      assert.deepEqual(error.body.errors, error.errors);
      assert.match(error.message, /text: String should have at least 1 character/);
    }
  });

  test("409 names the property that is not unique", async () => {
    const { data: one } = await ra.create("notes", { data: { text: "one" } });
    const { data: two } = await ra.create("notes", { data: { text: "two" } });
    for (const write of [
      () => ra.create("notes", { data: { text: "one" } }),
      () => ra.update("notes", { id: two.id, data: { ...two, text: "one" }, previousData: two }),
    ]) {
      const error = await rejected(write());
      assert.equal(error.status, 409);
      assert.deepEqual(Object.keys(error.errors), ["text"]);
    }
    assert.equal((await ra.getOne("notes", { id: one.id })).data.text, "one");
  });

  test("412 if the row has changed since it was read", async () => {
    const { data: note } = await ra.create("notes", { data: { text: "one" } });
    await ra.getOne("notes", { id: note.id });
    await refine.update({ resource: "notes", id: note.id, variables: { text: "by another user" } });
    const update = () => ra.update("notes", { id: note.id, data: { ...note, kind: "b" }, previousData: note });
    assert.equal((await rejected(update())).status, 412);
    assert.equal((await rejected(update())).status, 412);
    assert.equal((await rejected(ra.delete("notes", { id: note.id }))).status, 412);
    const { data: current } = await ra.getOne("notes", { id: note.id });
    assert.equal(current.text, "by another user");
    assert.equal((await update()).data.kind, "b");
    assert.equal((await ra.delete("notes", { id: note.id })).data.id, note.id);
  });

  test("a list that shows newer rows makes them known", async () => {
    const { data: note } = await ra.create("notes", { data: { text: "one" } });
    await refineProvider(url).update({ resource: "notes", id: note.id, variables: { text: "two" } });
    await ra.getList("notes", firstPage);
    assert.equal((await ra.update("notes", { id: note.id, data: { kind: "b" } })).data.text, "two");
  });

  test("bulk operations make other rows known", async () => {
    const { data: note } = await ra.create("notes", { data: { text: "one" } });
    await ra.updateMany("notes", { ids: [note.id], data: { kind: "b" } });
    assert.equal((await ra.update("notes", { id: note.id, data: { text: "two" } })).data.kind, "b");
  });

  test("a row that takes the key of a deleted one has no known ETag", async () => {
    for (const method of ["delete", "deleteMany"]) {
      await ra.create("seats", { data: { seatRow: 7, label: "first" } });
      await ra[method]("seats", { id: 7, ids: [7] });
      await refineProvider(url).create({ resource: "seats", variables: { seatRow: 7, label: "second" } });
      assert.equal((await ra.update("seats", { id: 7, data: { label: "third" } })).data.label, "third");
      await refineProvider(url).deleteOne({ resource: "seats", id: 7 });
    }
  });

  test("a bulk update ignores the id of a record with another key", async () => {
    await refine.createMany({ resource: "seats", variables: [{ seatRow: 1, label: "a" }, { seatRow: 2, label: "b" }] });
    const variables = { id: 1, label: "c" };
    const { data } = await refine.updateMany({ resource: "seats", ids: ["1", 2], variables });
    assert.deepEqual(data, [{ id: 1, seatRow: 1, label: "c" }, { id: 2, seatRow: 2, label: "c" }]);
  });

  test("an ETag that a proxy made weak", async () => {
    const weakening = async (to, init) => {
      const response = await globalThis.fetch(to, init);
      const headers = new Headers(response.headers);
      if (headers.has("ETag")) {
        headers.set("ETag", `W/${headers.get("ETag")}`);
      }
      return new Response(await response.text(), { status: response.status, headers });
    };
    const provider = reactAdminProvider(url, { fetch: weakening });
    const { data: note } = await provider.create("notes", { data: { text: "one" } });
    assert.equal((await provider.update("notes", { id: note.id, data: { kind: "b" } })).data.kind, "b");
  });

  test("problems without a property are those of the form", async () => {
    const detail = [
      { type: "x", loc: ["body", "text"], msg: "is wrong" },
      { type: "x", loc: ["body", "text", 0], msg: "is long" },
      { type: "x", loc: ["body"], msg: "does not fit" },
      { type: "x", loc: ["body", 1, "kind"], msg: "is odd" },
    ];
    const fetch = async () => new Response(JSON.stringify({ detail }), { status: 422 });
    const error = await rejected(reactAdminProvider(url, { fetch }).create("notes", { data: {} }));
    assert.equal(error.message, "text: is wrong; text.0: is long; does not fit; 1.kind: is odd");
    assert.deepEqual(error.errors, { text: "is wrong; is long" });
    assert.deepEqual(error.body, {
      detail,
      errors: { text: "is wrong; is long", root: { serverError: "does not fit; 1.kind: is odd" } },
    });
    const shown = {};
    setSubmissionErrors(error.body.errors, (field, { message }) => (shown[field] = message));
    assert.deepEqual(shown, { text: "is wrong; is long", "root.serverError": "does not fit; 1.kind: is odd" });
  });

  test("If-Match is sent where the API requires it", async () => {
    const { data: draft } = await ra.create("drafts", { data: { text: "one" } });
    const other = reactAdminProvider(url);
    assert.equal((await other.update("drafts", { id: draft.id, data: { text: "two" } })).data.text, "two");
    assert.equal((await rejected(ra.update("drafts", { id: draft.id, data: { text: "three" } }))).status, 412);
    await other.deleteMany("drafts", { ids: [draft.id] });
  });

  test("only what has changed is sent", async () => {
    const { data: note } = await ra.create("notes", { data: { text: "one" } });
    const extended = { ...note, not_a_property: 1 };
    const updated = await ra.update("notes", { id: note.id, data: { ...extended, kind: "b" }, previousData: extended });
    assert.deepEqual(updated.data, { ...note, kind: "b" });
  });

  test("an operation that the API lacks", async () => {
    const { data: event } = await ra.create("events", { data: { what: "x" } });
    const missing = { create: "create", getOne: "read", update: "update", delete: "delete" };
    for (const method of ["update", "delete"]) {
      const error = await rejected(ra[method]("events", { id: event.id, data: {} }));
      assert.equal(error.status, 405);
      assert.equal(
        error.message,
        `/events/ has no operation "${missing[method]}"; the API has: create, list, read, create_many, update_many, delete_many`,
      );
    }
    for (const [method, params] of [
      ["getOne", { id: 1 }],
      ["update", { id: 1, data: {} }],
      ["updateMany", { ids: [1], data: {} }],
      ["delete", { id: 1 }],
      ["deleteMany", { ids: [1] }],
      ["getMany", { ids: [1] }],
    ]) {
      assert.equal((await rejected(ra[method]("entries", params))).status, 405);
    }
    assert.equal((await ra.getList("entries", firstPage)).total, 0);
    const unknown = await rejected(ra.getList("toString", firstPage));
    assert.match(unknown.message, /^Unknown resource "toString"; the API has: animals, blog_posts/);
  });

  test("keys that cannot be part of a URL", async () => {
    for (const id of ["", ".", ".."]) {
      assert.match((await rejected(ra.getOne("tags", { id }))).message, /cannot be part of a URL/);
    }
  });

  test("an answer that is not JSON", async () => {
    const fetch = async () => new Response("<html>", { status: 502 });
    const error = await rejected(reactAdminProvider(url, { fetch }).getOne("notes", { id: 1 }));
    assert.equal(error.status, 502);
    assert.match(error.message, /the response is not JSON/);
  });
});

describe("options", () => {
  test("headers and fetch", async () => {
    const { requests, fetch } = recorder();
    const provider = reactAdminProvider(url, { fetch, headers: async () => ({ Authorization: "Bearer x" }) });
    await provider.getList("tags", firstPage);
    assert.equal(requests[0].headers.Authorization, "Bearer x");
    assert.equal(requests[0].method, "GET");
  });

  test("requests can be aborted", async () => {
    const signal = AbortSignal.abort();
    await assert.rejects(ra.getList("tags", { ...firstPage, signal }), { name: "AbortError" });
    const meta = { queryContext: { signal } };
    await assert.rejects(refine.getOne({ resource: "tags", id: "x", meta }), { name: "AbortError" });
    assert.equal(ra.supportAbortSignal, true);
  });

  test("custom requests of refine", async () => {
    const { requests, fetch } = recorder();
    const provider = refineProvider(url, { fetch, headers: () => ({ Authorization: "Bearer x" }) });
    assert.equal(provider.getApiUrl(), url);
    const variables = { text: "one" };
    const created = await provider.custom({ url: `${url}/notes/`, method: "post", payload: variables });
    assert.equal(created.data.text, "one");
    const listed = await provider.custom({ url: "/notes/", method: "get", query: { text: "one", sort: ["kind", "count"] } });
    assert.deepEqual(listed.data, [created.data]);
    assert.deepEqual((await provider.custom({ url: "live", method: "get", headers: { "X-Own": "1" } })).data, { detail: "live" });
    assert.equal(requests.at(-1).headers["X-Own"], "1");
    assert(requests.every((one) => one.headers.Authorization));
    assert.equal((await rejected(provider.custom({ url, method: "get" }))).status, 404);
    assert(requests.at(-1).headers.Authorization);
    const elsewhere = url.replace("127.0.0.1", "localhost");
    await provider.custom({ url: `${elsewhere}/live`, method: "get" });
    assert.equal(requests.at(-1).headers.Authorization, undefined);
  });
});

describe("relations", () => {
  let crew, other, ann, bob, skills;

  beforeEach(async () => {
    for (const name of ["members", "crews", "skills"]) {
      const ids = (await everyRow(name)).map((row) => row.id);
      await refineProvider(url).deleteMany({ resource: name, ids });
    }
    crew = (await ra.create("crews", { data: { name: "A" } })).data;
    other = (await ra.create("crews", { data: { name: "B" } })).data;
    skills = (await refine.createMany({ resource: "skills", variables: [{ name: "x" }, { name: "y" }] })).data;
    const skill_ids = skills.map((row) => row.id);
    ann = (await ra.create("members", { data: { name: "Ann", crew_id: crew.id, skill_ids } })).data;
    bob = (await ra.create("members", { data: { name: "Bob" } })).data;
  });

  const names = ({ data }) => data.map((row) => row.name);

  test("rows that refer to a row", async () => {
    for (const target of ["crew_id", "crews/members"]) {
      const list = await ra.getManyReference("members", { ...firstPage, target, id: crew.id });
      assert.deepEqual([names(list), list.total], [["Ann"], 1]);
    }
    const meta = { target: "crews/members", id: crew.id };
    assert.deepEqual(names(await refine.getList({ resource: "members", meta })), ["Ann"]);
    const error = await rejected(ra.getManyReference("members", { ...firstPage, target: "crews/x", id: 1 }));
    assert.equal(error.message, '/members/ has no list under "crews/x"; the API has: crews/members, skills/members');
    assert.equal((await rejected(ra.getManyReference("members", { ...firstPage, target: "crews/members", id: 9999 }))).status, 404);
  });

  test("linked rows", async () => {
    const list = (more) => ra.getManyReference("skills", { ...firstPage, target: "members/skills", id: ann.id, ...more });
    assert.deepEqual(names(await list()), ["x", "y"]);
    assert.deepEqual(names(await list({ filter: { name: "y" } })), ["y"]);
    const data = { ...ann, skill_ids: [skills[1].id] };
    const { data: updated } = await ra.update("members", { id: ann.id, data, previousData: ann });
    assert.deepEqual(updated, data);
    assert.deepEqual(names(await list()), ["y"]);
    assert.deepEqual(names(await ra.getMany("skills", { ids: updated.skill_ids })), ["y"]);
    assert.deepEqual((await ra.getOne("members", { id: ann.id })).data.skill_ids, [skills[1].id]);
  });

  test("included rows", async () => {
    const meta = { include: ["crew", "skills"], skills__limit: 1 };
    const { data: one } = await ra.getOne("members", { id: ann.id, meta });
    assert.deepEqual([one.crew.name, names({ data: one.skills }), one.skills_more], ["A", ["x"], true]);
    const [listed] = (await ra.getList("members", { ...firstPage, meta })).data;
    assert.deepEqual(listed, one);
    assert.deepEqual((await ra.getMany("members", { ids: [ann.id], meta })).data, [one]);
    const target = { target: "crews/members", id: crew.id };
    assert.deepEqual((await ra.getManyReference("members", { ...firstPage, ...target, meta })).data, [one]);
    assert.deepEqual((await refine.getOne({ resource: "members", id: bob.id, meta: { include: "crew" } })).data.crew, null);
    assert.equal((await refine.getMany({ resource: "members", ids: [ann.id], meta })).data[0].crew.name, "A");
    const error = await rejected(ra.getList("members", { ...firstPage, meta: { include: "nothing" } }));
    assert.match(error.message, /^include/);
  });

  test("filters and sort by related rows", async () => {
    await ra.update("members", { id: bob.id, data: { crew_id: other.id } });
    const list = async (filter, order = "ASC") =>
      names(await ra.getList("members", { ...firstPage, filter, sort: { field: "crew.name", order } }));
    assert.deepEqual(await list({}, "DESC"), ["Bob", "Ann"]);
    assert.deepEqual(await list({ "crew.name": "A" }), ["Ann"]);
    assert.deepEqual(await list({ crew: { name__istartswith: "b" } }), ["Bob"]);
    assert.deepEqual(await list({ crew__name: ["A", "B", "C"] }), ["Ann", "Bob"]);
    assert.deepEqual(await list({ skills__any__name__ne: "x" }), ["Ann"]);
    assert.deepEqual(await list({ crew_id: null }), []);
    const filters = [{ field: "crew.name", operator: "in", value: ["B"] }];
    assert.deepEqual(names(await refine.getList({ resource: "members", filters })), ["Bob"]);
  });

  test("a row that is missing, or that others refer to", async () => {
    const missing = await rejected(ra.create("members", { data: { name: "x", crew_id: 99999 } }));
    assert.deepEqual([missing.status, missing.errors], [409, { crew_id: "There is no such crew" }]);
    assert.equal((await rejected(ra.delete("crews", { id: crew.id }))).status, 409);
  });

  test("included rows do not make a row known or unknown", async () => {
    const meta = { include: "crew" };
    const { data: one } = await ra.getOne("members", { id: ann.id, meta });
    await ra.getList("members", firstPage);
    await refineProvider(url).update({ resource: "members", id: ann.id, variables: { name: "Eve" } });
    const update = () => ra.update("members", { id: ann.id, data: { ...one, name: "Eva" }, previousData: one });
    assert.equal((await rejected(update())).status, 412);
    await ra.getList("members", { ...firstPage, meta });
    assert.equal((await update()).data.name, "Eva");
    await ra.getOne("crews", { id: crew.id });
    await ra.create("members", { data: { name: "Cid", crew_id: crew.id } });
    await ra.getList("crews", firstPage);
    await refineProvider(url).update({ resource: "crews", id: crew.id, variables: { name: "C" } });
    assert.equal((await rejected(ra.delete("crews", { id: crew.id }))).status, 412, "its number of members changed");
  });

  test("a copied record", async () => {
    const { id: _, ...copy } = (await ra.getOne("members", { id: ann.id, meta: { include: ["crew", "skills"] } })).data;
    const { data: created } = await ra.create("members", { data: copy });
    assert.deepEqual(created, { ...ann, id: created.id });
    const { id, ...counted } = (await ra.getOne("crews", { id: crew.id })).data;
    assert.equal(counted.members_count, 2);
    assert.equal((await ra.create("crews", { data: { ...counted, name: "copy" } })).data.name, "copy");
  });
});
