/** The ways to pay that the register offers. Another one (MOBILE, GIFT_CARD) is one more entry here. */
import type { Component } from "svelte";
import Banknote from "@lucide/svelte/icons/banknote";
import CreditCard from "@lucide/svelte/icons/credit-card";
import type { PaymentMethod } from "@tillwire/protocol/pos/fields";
import type { Messages } from "../../messages/messages.svelte.ts";

export interface OfferedMethod {
  readonly method: PaymentMethod;
  readonly icon: Component<{ size?: number }>;
  /** What the cashier does; null: cash, which has its keypad. */
  readonly hint: keyof Pick<Messages["pay"], "cardHint" | "mobileHint"> | null;
  readonly testid: string;
}

export const OFFERED_METHODS: readonly OfferedMethod[] = [
  { method: "CASH", icon: Banknote, hint: null, testid: "pay-cash" },
  { method: "CARD", icon: CreditCard, hint: "cardHint", testid: "pay-card" },
];
