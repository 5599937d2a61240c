// A client of openapi-typescript and openapi-fetch for rows with relations.
import createClient from "openapi-fetch";
import { check } from "./check.js";
import type { components, paths } from "./api.js";

type Product = components["schemas"]["ProductPublicWithRelated"];
type Order = components["schemas"]["OrderPublicWithEmbedded"];

declare const process: { argv: string[] };

/** A relation is optional, since a request may omit it. Only that of an optional reference can be null. */
function describe({ name, supplier, category, tags, tags_more, reviews_count }: Product): string {
  const country: string | undefined = supplier?.country?.name;
  const parent: number | null | undefined = category?.parent_id;
  const labels: string[] | undefined = tags?.map((tag) => tag.label);
  return [name, supplier?.name, country, parent, labels, tags_more, reviews_count.toFixed()].join();
}

/** Embedded relations are always there. */
function buyer(order: Order): string {
  return order.customer.name;
}

const client = createClient<paths>({ baseUrl: process.argv[2] ?? "" });

// References, and the errors of those to missing rows.
await client.POST("/countries/", { body: { code: "IT", name: "Italy" } });
const supplier = await client.POST("/suppliers/", { body: { name: "Acme", country_code: "IT" } });
check(supplier.data?.country_code === "IT", "reference");
const red = await client.POST("/tags/", { body: { label: "red" } });
const new_ = await client.POST("/tags/", { body: { label: "new" } });
check(red.data !== undefined && new_.data !== undefined, "tags");
const tag_ids = [red.data.id, new_.data.id];
const pen = { sku: "pen", name: "Pen", price: "1.50", supplier_id: supplier.data.id, tag_ids };
const broken = await client.POST("/products/", { body: { ...pen, supplier_id: 999 } });
check(broken.response.status === 409 && broken.error !== undefined, "conflict");
const { detail } = broken.error;
check(typeof detail !== "string", "problems");
check(detail[0]?.type === "no_target" && detail[0].loc.join() === "body,supplier_id", "no_target");
const product = await client.POST("/products/", { body: pen });
check(product.data?.tag_ids.length === 2, "keys");
const params = { path: { product_id: "pen" } };

// Nested paths.
const root = await client.POST("/categories/", { body: { name: "Office" } });
const category_id = root.data?.id ?? 0;
const child = await client.POST("/categories/{category_id}/children/", {
  params: { path: { category_id } },
  body: { name: "Paper" },
});
check(child.data?.parent_id === category_id, "child");
const moved = await client.PATCH("/products/{product_id}", {
  params,
  body: { category_id: child.data.id, tag_ids: [new_.data.id] },
});
check(moved.data?.tag_ids.join() === new_.data.id, "keys of an update");
await client.PATCH("/products/{product_id}", { params, body: { tag_ids } });

// Lists with related rows, filtered and sorted by them.
const listed = await client.GET("/products/", {
  params: {
    query: {
      include: ["supplier__country", "supplier", "category", "tags"],
      tags__limit: 1,
      supplier__name__startswith: "Ac",
      tags__any__label__in: ["red"],
      sort: ["-supplier__name", "name"],
    },
  },
});
const label = tag_ids[0]! < tag_ids[1]! ? "red" : "new";
const [first] = listed.data ?? [];
check(first !== undefined, "listed");
check(describe(first) === `Pen,Acme,Italy,${category_id},${label},true,0`, describe(first));
const plain = await client.GET("/products/", {});
check(plain.data?.[0] !== undefined && plain.data[0].supplier === undefined, "no relations");

// Links.
const replaced = await client.PUT("/products/{product_id}/tags/", { params, body: [red.data.id] });
check(replaced.data?.ok === true, "replaced");
const path = { product_id: "pen", tag_id: new_.data.id };
check((await client.PUT("/products/{product_id}/tags/{tag_id}", { params: { path } })).data?.ok === true, "linked");
await client.DELETE("/products/{product_id}/tags/{tag_id}", { params: { path } });
const tags = await client.GET("/products/{product_id}/tags/", {
  params: { ...params, query: { include: ["products"], count: "exact" } },
});
check(tags.data?.[0]?.label === "red" && tags.data[0].products?.[0]?.sku === "pen", "linked rows");
check(tags.response.headers.get("x-total-count") === "1", "count");

// Rows that are created together.
const customer = await client.POST("/customers/", {
  body: { name: "Ann", email: "ann@example.com", password: "password" },
});
check(customer.data !== undefined, "customer");
const line = { product_sku: "pen", price: "1.50" };
const order = await client.POST("/orders/", {
  body: { customer_id: customer.data.id, lines: [line] },
});
check(order.data?.lines[0]?.order_id === order.data?.id, "lines");
const order_id = order.data?.id ?? 0;
const wrong = await client.POST("/orders/", {
  body: { customer_id: customer.data.id, lines: [line, { ...line, product_sku: "none" }] },
});
check(wrong.error !== undefined && typeof wrong.error.detail !== "string", "nested conflict");
check(wrong.error.detail[0]?.loc.join() === "body,lines,1,product_sku", "nested place");
const read = await client.GET("/orders/{order_id}", {
  params: { path: { order_id }, query: { include: ["lines", "lines__product"] } },
});
check(read.data !== undefined && buyer(read.data) === "Ann", "embedded");
check(read.data.lines_count === 1 && read.data.lines_more === false, "number of lines");
check(read.data.lines?.[0]?.product?.name === "Pen", "product of a line");
const under = await client.GET("/customers/{customer_id}/orders/", {
  params: { path: { customer_id: customer.data.id } },
});
check(under.data?.[0]?.lines_count === 1, "orders of a customer");

// A row that others refer to.
const kept = await client.DELETE("/products/{product_id}", { params });
check(kept.response.status === 409 && kept.error !== undefined, "kept");
check(typeof kept.error.detail !== "string" && kept.error.detail[0]?.type === "referred_to", "referred_to");
