// A client of @hey-api/openapi-ts: one function per operation.
import { createAnimal, deleteAnimal, readAnimals, updateAnimal } from "./sdk/index.js";
import { client } from "./sdk/client.gen.js";
import type { AnimalMood, AnimalPublic } from "./sdk/index.js";
import { check } from "./check.js";
import { animal } from "./values.js";

declare const process: { argv: string[] };

const moods: Record<AnimalMood, number> = { calm: 0, "in-progress": 1, no: 2, "a b": 3, true: 4 };

function rank(row: AnimalPublic): number {
  return moods[row.mood] + (row.age ?? 0) + row.title.length;
}

client.setConfig({ baseUrl: process.argv[2] ?? "" });

const created = await createAnimal({ body: animal });
check(created.data !== undefined, "created");
const { id } = created.data;
check(rank(created.data) === 3, "rank");

const listed = await readAnimals({
  query: { sort: ["title", "-id"], mood__in: ["calm", "no"], limit: 10 },
});
check(listed.data?.length === 1, "listed");
check(listed.data.map(rank)[0] === 3, "rows");

const path = { animal_id: id };
const patched = await updateAnimal({ path, body: { mood: "a b" } });
check(patched.data?.mood === "a b", "patched");
const deleted = await deleteAnimal({ path });
check(deleted.data?.ok === true, "deleted");
const missing = await deleteAnimal({ path });
check(missing.response?.status === 404, "missing");
