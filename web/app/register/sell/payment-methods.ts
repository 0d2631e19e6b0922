/** The ways to pay that the register offers. */
import type { Component } from "svelte";
import Banknote from "@lucide/svelte/icons/banknote";
import CreditCard from "@lucide/svelte/icons/credit-card";
import Gift from "@lucide/svelte/icons/gift";
import Smartphone from "@lucide/svelte/icons/smartphone";
import type { PaymentMethod } from "@tillwire/protocol/pos/fields";
import { t, ts } from "../../messages/messages.svelte.ts";

export interface OfferedMethod {
  readonly method: PaymentMethod;
  readonly icon: Component<{ size?: number }>;
  /** What the cashier does; null: cash, which has its keypad. */
  readonly hint: (() => string) | null;
  readonly testid: string;
}

export const OFFERED_METHODS: readonly OfferedMethod[] = [
  { method: "CASH", icon: Banknote, hint: null, testid: "pay-cash" },
  { method: "CARD", icon: CreditCard, hint: () => t().pay.cardHint, testid: "pay-card" },
  { method: "MOBILE", icon: Smartphone, hint: () => t().pay.mobileHint, testid: "pay-mobile" },
  { method: "GIFT_CARD", icon: Gift, hint: () => ts().pay.giftCardHint, testid: "pay-gift-card" },
];
