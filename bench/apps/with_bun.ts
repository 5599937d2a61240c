// The same API, implemented with Bun's server and its SQLite.
//
// Usage: bun with_bun.ts PORT DATABASE_FILE

import { Database } from "bun:sqlite";

type Public = { name: string; age: number | null; id: number };
type Hero = Public & { secret_name: string };
type Key = [id: number];
type Values = [name: string, age: number | null, secret_name: string];

const [port, file] = process.argv.slice(2);
const database = new Database(file);
database.run("PRAGMA journal_mode = WAL");
database.run("PRAGMA synchronous = FULL");

const selectHero = database.query<Public, Key>("SELECT name, age, id FROM hero WHERE id = ?");
const selectPage = database.query<Public, [limit: number, offset: number]>(
  "SELECT name, age, id FROM hero ORDER BY id LIMIT ? OFFSET ?",
);
const selectAll = database.query<Hero, Key>("SELECT * FROM hero WHERE id = ?");
const insertHero = database.query<Public, Values>(
  "INSERT INTO hero (name, age, secret_name) VALUES (?, ?, ?) RETURNING name, age, id",
);
const updateHero = database.query<Public, [...Values, id: number]>(
  "UPDATE hero SET name = ?, age = ?, secret_name = ? WHERE id = ? RETURNING name, age, id",
);
const deleteHero = database.query<null, Key>("DELETE FROM hero WHERE id = ?");

class HttpError extends Error {
  constructor(readonly status: number, detail: string) {
    super(detail);
  }
}

const invalid = (detail: string) => new HttpError(422, detail);
const notFound = () => new HttpError(404, "Hero not found");

function parseInteger(name: string, text: string, minimum = 0, maximum = Number.MAX_SAFE_INTEGER) {
  const value = Number(text);
  if (text.trim() === "" || !Number.isInteger(value) || value < minimum || value > maximum) {
    throw invalid(`${name} must be an integer from ${minimum} to ${maximum}`);
  }
  return value;
}

function isText(value: unknown) {
  return typeof value === "string" && value.length <= 255;
}

async function parseHero(request: Request): Promise<Partial<Hero>> {
  const body = await request.json().catch(() => {
    throw invalid("The body must be JSON");
  });
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw invalid("The body must be an object");
  }
  const { name, age, secret_name } = body;
  if (name !== undefined && !isText(name)) throw invalid("name must be a string");
  if (age !== undefined && age !== null && !Number.isInteger(age)) {
    throw invalid("age must be an integer or null");
  }
  if (secret_name !== undefined && !isText(secret_name)) {
    throw invalid("secret_name must be a string");
  }
  return body;
}

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  routes: {
    "/heroes/": {
      GET: (request) => {
        const query = new URL(request.url).searchParams;
        const limit = parseInteger("limit", query.get("limit") ?? "100", 1, 100);
        const offset = parseInteger("offset", query.get("offset") ?? "0");
        return Response.json(selectPage.all(limit, offset));
      },
      POST: async (request) => {
        const { name, age = null, secret_name } = await parseHero(request);
        if (name === undefined || secret_name === undefined) {
          throw invalid("name and secret_name are required");
        }
        return Response.json(insertHero.get(name, age, secret_name), { status: 201 });
      },
    },
    "/heroes/:id": {
      GET: (request) => {
        const hero = selectHero.get(parseInteger("id", request.params.id));
        if (hero === null) throw notFound();
        return Response.json(hero);
      },
      PATCH: async (request) => {
        const changes = await parseHero(request);
        const hero = selectAll.get(parseInteger("id", request.params.id));
        if (hero === null) throw notFound();
        const { name, age, secret_name, id } = { ...hero, ...changes, id: hero.id };
        return Response.json(updateHero.get(name, age, secret_name, id));
      },
      DELETE: (request) => {
        const { changes } = deleteHero.run(parseInteger("id", request.params.id));
        if (changes === 0) throw notFound();
        return new Response(null, { status: 204 });
      },
    },
  },
  fetch: () => Response.json({ detail: "Not Found" }, { status: 404 }),
  error: (error) => {
    const status = error instanceof HttpError ? error.status : 500;
    const detail = error instanceof HttpError ? error.message : "Internal Server Error";
    return Response.json({ detail }, { status });
  },
});
