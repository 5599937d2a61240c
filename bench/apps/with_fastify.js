// The same API, implemented with Fastify and Node's SQLite.
//
// Usage: node with_fastify.js PORT DATABASE_FILE

import { DatabaseSync } from "node:sqlite";
import Fastify from "fastify";

const [port, file] = process.argv.slice(2);
const database = new DatabaseSync(file);
database.exec("PRAGMA journal_mode = WAL");
database.exec("PRAGMA synchronous = FULL");

const selectHero = database.prepare("SELECT name, age, id FROM hero WHERE id = ?");
const selectPage = database.prepare("SELECT name, age, id FROM hero ORDER BY id LIMIT ? OFFSET ?");
const selectAll = database.prepare("SELECT * FROM hero WHERE id = ?");
const insertHero = database.prepare(
  "INSERT INTO hero (name, age, secret_name) VALUES (?, ?, ?) RETURNING name, age, id",
);
const updateHero = database.prepare(
  "UPDATE hero SET name = ?, age = ?, secret_name = ? WHERE id = ? RETURNING name, age, id",
);
const deleteHero = database.prepare("DELETE FROM hero WHERE id = ?");

const properties = {
  name: { type: "string", maxLength: 255 },
  age: { type: ["integer", "null"] },
  secret_name: { type: "string", maxLength: 255 },
};
const heroPublic = {
  type: "object",
  properties: { name: properties.name, age: properties.age, id: { type: "integer" } },
};
const heroCreate = { type: "object", properties, required: ["name", "secret_name"] };
const heroUpdate = { type: "object", properties };
const params = { type: "object", properties: { id: { type: "integer" } } };
const querystring = {
  type: "object",
  properties: {
    limit: { type: "integer", minimum: 1, maximum: 100, default: 100 },
    offset: { type: "integer", minimum: 0, default: 0 },
  },
};

const app = Fastify();

app.setErrorHandler((error, request, reply) => {
  const status = error.validation ? 422 : (error.statusCode ?? 500);
  reply.code(status).send({ detail: error.message });
});

function notFound(reply) {
  return reply.code(404).send({ detail: "Hero not found" });
}

app.get(
  "/heroes/",
  { schema: { querystring, response: { 200: { type: "array", items: heroPublic } } } },
  async (request) => selectPage.all(request.query.limit, request.query.offset),
);

app.get(
  "/heroes/:id",
  { schema: { params, response: { 200: heroPublic } } },
  async (request, reply) => selectHero.get(request.params.id) ?? notFound(reply),
);

app.post(
  "/heroes/",
  { schema: { body: heroCreate, response: { 201: heroPublic } } },
  async (request, reply) => {
    const { name, age = null, secret_name } = request.body;
    return reply.code(201).send(insertHero.get(name, age, secret_name));
  },
);

app.patch(
  "/heroes/:id",
  { schema: { params, body: heroUpdate, response: { 200: heroPublic } } },
  async (request, reply) => {
    const hero = selectAll.get(request.params.id);
    if (hero === undefined) return notFound(reply);
    const { name, age, secret_name } = { ...hero, ...request.body };
    return updateHero.get(name, age, secret_name, hero.id);
  },
);

app.delete("/heroes/:id", { schema: { params } }, async (request, reply) => {
  const { changes } = deleteHero.run(request.params.id);
  return changes ? reply.code(204).send() : notFound(reply);
});

await app.listen({ host: "127.0.0.1", port: Number(port) });
