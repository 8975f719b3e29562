// The balance: available credits, those held for unfinished videos, and those used.

import * as api from "./api.js";
import { find } from "./dom.js";
import { number } from "./words.js";

let known = null;

/** Credits that can be spent; null before the first answer. */
export const available = () => known?.availableCredits ?? null;

export async function readCredits() {
  known = await api.balance();
  drawCredits();
  return known;
}

export function drawCredits() {
  if (!known) return;
  const parts = { available: known.availableCredits, held: known.frozenCredits, used: known.usedCredits };
  const total = Math.max(1, parts.available + parts.held + parts.used);
  for (const [name, credits] of Object.entries(parts)) {
    find(`#${name}`).textContent = number(credits);
    find(`.bar .${name}`).style.setProperty("--share", credits / total);
  }
}
