/** What a product is sold as: which variation, and which options of its modifier groups. Plain data. */
import type { ModifierGroup, Product } from "@tillwire/protocol/pos/catalogue";
import type { OrderItem } from "@tillwire/protocol/pos/orders";

/** Ids of what was chosen. */
export interface Choice {
  readonly variationId: string | null;
  /** By the group's id. */
  readonly optionIds: Readonly<Record<string, readonly string[]>>;
}
type Modifier = NonNullable<OrderItem["modifiers"]>[number];

export function variationsOf(product: Product): NonNullable<Product["variations"]> {
  return product.variations ?? [];
}
export function groupsOf(product: Product): readonly ModifierGroup[] {
  return (product.modifierGroups ?? []).filter((group) => group.options.length > 0);
}

/** A tap does not tell enough: somebody must be asked. */
export function mustAsk(product: Product): boolean {
  return variationsOf(product).length > 0 || groupsOf(product).some((group) => group.min > 0);
}
export function hasOptions(product: Product): boolean {
  return variationsOf(product).length > 0 || groupsOf(product).length > 0;
}

/** Nothing chosen yet, but where there is no choice. */
export function firstChoice(product: Product): Choice {
  const variations = variationsOf(product);
  return { variationId: variations.length === 1 ? variations[0]!.id : null, optionIds: {} };
}

/** What the line was sold as, as far as the product still has it. */
export function choiceOf(item: OrderItem, product: Product): Choice {
  const variationId = idIn(item.variation);
  const chosen = new Set((item.modifiers ?? []).map((modifier) => keyOf(modifier)));
  return {
    variationId: variationsOf(product).some(({ id }) => id === variationId) ? variationId : null,
    optionIds: Object.fromEntries(
      groupsOf(product).map((group) => [
        group.id,
        group.options.filter((option) => chosen.has(`${group.id}/${option.id}`)).map(({ id }) => id),
      ]),
    ),
  };
}

export function choosesOne(group: ModifierGroup): boolean {
  return group.max === 1 && group.min === 1;
}
export function chosenIn(choice: Choice, group: ModifierGroup): readonly string[] {
  return choice.optionIds[group.id] ?? [];
}
export function isFull(choice: Choice, group: ModifierGroup): boolean {
  return chosenIn(choice, group).length >= group.max;
}

/** Taps an option: on or off. Where one more would be too many the only one of a group is replaced, else nothing happens. */
export function toggled(choice: Choice, group: ModifierGroup, optionId: string): Choice {
  const before = chosenIn(choice, group);
  const has = before.includes(optionId);
  if (has && choosesOne(group)) return choice;
  if (!has && isFull(choice, group) && group.max > 1) return choice;
  const after = has ? before.filter((id) => id !== optionId) : group.max === 1 ? [optionId] : [...before, optionId];
  return { ...choice, optionIds: { ...choice.optionIds, [group.id]: after } };
}

/** Groups that still want something chosen. */
export function missingGroups(choice: Choice, product: Product): readonly ModifierGroup[] {
  return groupsOf(product).filter(
    (group) => chosenIn(choice, group).length < Math.min(group.min, group.options.length),
  );
}
export function isComplete(choice: Choice, product: Product): boolean {
  const variations = variationsOf(product);
  const varied = variations.length === 0 || variations.some(({ id }) => id === choice.variationId);
  return varied && missingGroups(choice, product).length === 0;
}

/** Variation, its price, and modifiers as an order keeps them. Modifiers come in the order of the catalogue, whoever chose what first. */
export function soldAs(
  product: Product,
  choice: Choice,
): Pick<OrderItem, "variation" | "modifiers"> & { price: number } {
  const variation = variationsOf(product).find(({ id }) => id === choice.variationId);
  const modifiers = groupsOf(product).flatMap((group) =>
    group.options
      .filter(({ id }) => chosenIn(choice, group).includes(id))
      .map(({ id, name, price }): Modifier => ({ groupId: group.id, id, name, price: price ?? 0 })),
  );
  return {
    price: variation?.price ?? product.price,
    ...(variation && { variation: { id: variation.id, name: variation.name } }),
    modifiers,
  };
}

/** Of modifiers that the product no longer has, or that another program made. */
export function strangeModifiers(item: OrderItem, product: Product): readonly Modifier[] {
  const known = new Set(groupsOf(product).flatMap((group) => group.options.map(({ id }) => `${group.id}/${id}`)));
  return (item.modifiers ?? []).filter((modifier) => !known.has(keyOf(modifier)));
}

function keyOf(modifier: Modifier): string {
  return `${String(modifier["groupId"])}/${String(modifier["id"])}`;
}
function idIn(value: unknown): string | null {
  const { id } = (value ?? {}) as { id?: unknown };
  return typeof id === "string" ? id : null;
}
