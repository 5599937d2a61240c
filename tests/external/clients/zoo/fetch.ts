// A client of openapi-typescript and openapi-fetch: types, and one function per method.
import createClient from "openapi-fetch";
import { check } from "./check.js";
import { animal } from "./values.js";
import type { components, paths } from "./api.js";

type Animal = components["schemas"]["AnimalPublic"];

declare const process: { argv: string[] };

/** All properties are there, and have types of their own. */
function summary(row: Animal): string {
  const mood: "calm" | "in-progress" | "no" | "a b" | "true" = row.mood;
  const price: string = row.price;
  const age: number | null = row.age;
  const photo: string = row.photo;
  return [row.id.toFixed(), row.title, mood, price, String(age), photo.length].join(" ");
}

const client = createClient<paths>({ baseUrl: process.argv[2] ?? "" });

const created = await client.POST("/animals/", { body: animal });
check(created.data !== undefined, "created");
const { id } = created.data;
check(summary(created.data) === `${id} Ann calm 1.50 null 4`, summary(created.data));
check(created.response.headers.get("location") === `/animals/${id}`, "location");

const listed = await client.GET("/animals/", {
  params: {
    query: {
      sort: ["title", "-id"],
      fields: ["id", "title", "mood"],
      mood: "calm",
      legs__in: [3, 4],
      count: "exact",
    },
  },
});
check(listed.data?.length === 1, "listed");
check(listed.data[0]?.title === "Ann", "title");
check(listed.response.headers.get("x-total-count") === "1", "count");

const path = { animal_id: id };
const patched = await client.PATCH("/animals/{animal_id}", {
  params: { path, header: { "If-Match": created.response.headers.get("etag") ?? "" } },
  body: { mood: "a b", age: 3 },
});
check(patched.data?.mood === "a b" && patched.data.age === 3, "patched");

const wrong = await client.PATCH("/animals/{animal_id}", {
  params: { path },
  body: { legs: 4.5 },
});
check(wrong.response.status === 422 && wrong.error !== undefined, "error");
const { detail } = wrong.error;
check(typeof detail !== "string" && detail[0]?.loc[1] === "legs", "problem");

const deleted = await client.DELETE("/animals/{animal_id}", { params: { path } });
check(deleted.data?.ok === true, "deleted");
const missing = await client.GET("/animals/{animal_id}", { params: { path } });
check(missing.response.status === 404, "missing");
