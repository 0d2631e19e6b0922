/** The shop's collections together; with the toolkit's own `conflicts`, what server and register are started with. */
import { collectionSet } from "../collection.ts";
import { conflicts } from "../conflicts.ts";
import { carts } from "./carts.ts";
import { products, settings, staff } from "./catalogue.ts";
import { orders } from "./orders.ts";
import { shifts } from "./shifts.ts";
import { tickets } from "./tickets.ts";
import { transactions } from "./transactions.ts";

export const SHOP_COLLECTIONS = collectionSet([
  ...[orders, transactions, shifts, products, settings, staff, tickets, carts],
  conflicts,
]);
