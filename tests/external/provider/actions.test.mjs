// Calls actions by both providers against the API at API_URL.
import assert from "node:assert/strict";
import { test } from "node:test";

import { reactAdminProvider, refineProvider } from "./out/provider.js";

const url = process.env.API_URL;

for (const [name, make] of [["react-admin", reactAdminProvider], ["refine", refineProvider]]) {
  test(`${name} calls actions, with the ETag of the row`, async () => {
    const provider = make(url);
    const values = { name: "ann" };
    const create = { react: () => provider.create("heroes", { data: values }), refine: () => provider.create({ resource: "heroes", variables: values }) };
    const { id } = (await create[name === "refine" ? "refine" : "react"]()).data;
    const promoted = await provider.promoteHero({ id, data: { reason: "x", mood: "a b" } });
    assert.deepEqual(promoted.data, { id, name: "ann: x, a b, None", rank: 1 });
    assert.deepEqual((await provider.moveUpHero({ id })).data, { ...promoted.data, rank: 2 });
    await make(url).moveUpHero({ id });
    const stale = await provider.moveUpHero({ id }).catch((error) => error);
    assert.equal(stale.status, 412);
    const refused = await make(url).promoteHero({ id, data: { reason: "" } }).catch((error) => error);
    assert.deepEqual(Object.keys(refused.errors), ["reason"]);
  });
}
