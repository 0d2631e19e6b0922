/** What people do at a register: they see what the replica shows them, and act on it. */
import { ReplicationError, WriteRejection } from "@tillwire/protocol/errors";
import type { Transaction } from "@tillwire/protocol/pos/transactions";
import { chooseAgain, dealWithRejected, settleOne } from "./conflict-deeds.ts";
import type { Desk } from "./desk.ts";
import { NOTES, stampedOrders, STOCK, stock, type StampedOrder } from "./shop.ts";
import type { Deed } from "./steps.ts";

/** Does the step's deed, and bears what a person must bear: a refusal, a full disk, no network. */
export async function act(desk: Desk): Promise<void> {
  const { host, step, machine } = desk;
  try {
    await perform(desk, step.type as Deed);
  } catch (error) {
    if (error instanceof WriteRejection) host.coverage.add(`refused ${error.code}`);
    else if (error instanceof ReplicationError) host.coverage.add(`refused ${error.code}`);
    else if (error instanceof DOMException) host.coverage.add(`disk ${error.name}`);
    else host.violated("S8", `"${step.type}" failed at ${machine.name}`, error);
  }
}

async function perform(desk: Desk, deed: Deed): Promise<void> {
  const { random, machine } = desk;
  const notes = random.pick(NOTES);
  switch (deed) {
    case "sell":
      return sell(desk);
    case "open tab":
      return desk.save(stampedOrders, newOrder(desk, "PENDING"));
    case "edit order":
      return desk.edit(stampedOrders, (order) => ({ ...order, notes: `for table ${random.int(1, 9)}` }));
    case "complete order":
      return desk.edit(stampedOrders, (order) => ({
        ...order,
        orderStatus: "COMPLETED" as const,
        paymentStatus: "PAID" as const,
      }));
    case "note":
      return desk.save(notes, { id: machine.newId(), text: "new", edits: {} });
    case "same id":
      return desk.save(notes, { id: `shared-${random.int(0, 3)}`, text: machine.name, edits: {} });
    case "edit note":
      return desk.edit(notes, (note) => desk.rewritten(note));
    case "stale edit":
      return desk.editLater(notes, (note) => desk.rewritten(note));
    case "delete note":
      return desk.delete(notes);
    case "move stock":
      return moveStock(desk);
    case "settle":
      return settleOne(desk);
    case "choose again":
      return chooseAgain(desk);
    case "retry":
    case "discard":
      return dealWithRejected(desk, deed);
    case "sync now":
      return void (await desk.replica.syncNow());
  }
}

function newOrder({ machine, random, host }: Desk, status: "PENDING" | "COMPLETED", number = ""): StampedOrder {
  const id = machine.newId();
  const price = random.int(100, 5_000) / 100;
  const orderNumber = number === "" ? `T-${random.int(1, 40)}` : number;
  return {
    ...{ id, orderNumber, subtotal: price, tax: 0, total: price, createdAt: host.schedule.now, edits: {} },
    items: [{ id: `${id}-1`, product: { id: "p", name: "Coffee", price }, quantity: 1, modifiers: [] }],
    ...{ paymentMethod: "CASH", paymentStatus: status === "COMPLETED" ? "PAID" : "PENDING", orderStatus: status },
  };
}

/** Order and payment in one batch, under the register's own numbers. */
async function sell(desk: Desk): Promise<void> {
  const { machine, replica, host } = desk;
  const { data: order, edit } = desk.stamped(newOrder(desk, "COMPLETED", "to be given"));
  const id = `${machine.name}-sale-${edit}`;
  await replica.batch((numbers) => {
    const orderNumber = numbers.next("order");
    const payment: Transaction & { sale: string } = {
      ...{ id, sale: id, referenceNumber: numbers.next("transaction"), orderId: order.id, orderNumber },
      ...{ type: "SALE", amount: order.total, paymentMethod: "CASH", status: "COMPLETED" },
      ...{ userId: "u", userName: "Sam", createdAt: order.createdAt },
    };
    return [
      { op: "put", collection: "orders", data: { ...order, orderNumber } },
      { op: "put", collection: "transactions", data: payment },
    ];
  });
  desk.saved("orders", order.id, edit);
  host.model.savedSale(machine.name, id, Math.round(order.total * 100));
}

async function moveStock(desk: Desk): Promise<void> {
  const { machine, random, replica, host } = desk;
  const { id } = random.pick(STOCK);
  const known = await replica.collection(stock).get(id);
  if (!known) return;
  const move = { id: `${machine.name}-move-${machine.edits + 1}`, pieces: -random.int(1, 5) };
  const { pieces, moves } = known.data;
  await desk.save(stock, { ...known.data, pieces: pieces + move.pieces, moves: [...moves, move] }, known);
  host.model.savedMove(machine.name, id, move.id);
}
