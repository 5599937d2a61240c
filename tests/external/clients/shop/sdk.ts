// A client of @hey-api/openapi-ts for rows with relations.
import {
  addCustomerOrder,
  addOrderLine,
  addProductTag,
  createCountry,
  createCustomer,
  createOrder,
  createProduct,
  createSupplier,
  createTag,
  listOrderLines,
  listProductTags,
  readCustomer,
  readOrder,
  readProducts,
  removeProductTag,
  setProductTags,
} from "./sdk/index.js";
import { client } from "./sdk/client.gen.js";
import type { OrderPublicWithEmbedded, ProductPublicWithRelated } from "./sdk/index.js";
import { check } from "./check.js";

declare const process: { argv: string[] };

function describe(row: ProductPublicWithRelated): string {
  const country: string | undefined = row.supplier?.country?.name;
  return [row.name, row.supplier?.name, country, row.tags?.map((tag) => tag.label)].join();
}

function buyer(order: OrderPublicWithEmbedded): string {
  return order.customer.name;
}

client.setConfig({ baseUrl: process.argv[2] ?? "" });

await createCountry({ body: { code: "IT", name: "Italy" } });
const supplier = await createSupplier({ body: { name: "Acme", country_code: "IT" } });
const red = await createTag({ body: { label: "red" } });
check(supplier.data !== undefined && red.data !== undefined, "created");
const pen = { sku: "pen", name: "Pen", price: "1.50", supplier_id: supplier.data.id };
const product = await createProduct({ body: { ...pen, tag_ids: [red.data.id] } });
check(product.data?.tag_ids[0] === red.data.id, "keys");
const broken = await createProduct({ body: { ...pen, sku: "b", supplier_id: 999 } });
check(typeof broken.error?.detail !== "string" && broken.error?.detail[0]?.type === "no_target", "no_target");

const listed = await readProducts({
  query: {
    include: ["supplier__country", "supplier", "tags"],
    tags__limit: 5,
    supplier__name: "Acme",
    sort: ["-supplier__name"],
  },
});
const [first] = listed.data ?? [];
check(first !== undefined && describe(first) === "Pen,Acme,Italy,red", "listed");

const path = { product_id: "pen" };
check((await setProductTags({ path, body: [] })).data?.ok === true, "replaced");
await addProductTag({ path: { ...path, tag_id: red.data.id } });
check((await listProductTags({ path })).data?.[0]?.label === "red", "linked");
await removeProductTag({ path: { ...path, tag_id: red.data.id } });
check((await listProductTags({ path })).data?.length === 0, "unlinked");

const customer = await createCustomer({
  body: { name: "Ann", email: "ann@example.com", password: "password" },
});
check(customer.data !== undefined, "customer");
const { id: customer_id } = customer.data;
const order = await createOrder({
  body: { customer_id, lines: [{ product_sku: "pen", price: "1.50", quantity: 2 }] },
});
check(order.data?.lines[0]?.quantity === 2, "lines");
const read = await readOrder({
  path: { order_id: order.data.id },
  query: { include: ["lines", "lines__product"] },
});
check(read.data !== undefined && buyer(read.data) === "Ann", "embedded");
check(read.data.lines?.[0]?.product?.name === "Pen" && read.data.lines_more === false, "included lines");

const second = await addCustomerOrder({ path: { customer_id }, body: { status: "paid" } });
check(second.data?.customer_id === customer_id, "order of a customer");
const order_id = second.data.id;
await addOrderLine({ path: { order_id }, body: { product_sku: "pen", price: "2.00" } });
check((await listOrderLines({ path: { order_id } })).data?.[0]?.price === "2.00", "line of an order");
const counted = await readCustomer({ path: { customer_id }, query: { include: ["orders"], orders__limit: 1 } });
check(counted.data?.orders_count === 2 && counted.data.orders?.length === 1, "number of orders");
check(counted.data.orders_more === true, "more orders");
