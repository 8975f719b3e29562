// Which videos are shown: those in a state, as the server lists them, and of these the ones with some words.

import { STATES } from "./cards.js";
import { find, make } from "./dom.js";
import { say } from "./words.js";

/** `changed()` is called for another state, `searched()` for other words. */
export function openFilter(changed, searched) {
  find("#state").onchange = changed;
  find("#search").oninput = searched;
}

export function drawFilter() {
  const chosen = state();
  find("#state").replaceChildren(...["", ...STATES, "FAILED"].map((value) =>
    make("option", { value, selected: value === chosen }, say(value ? `status.${value}` : "stateAny"))));
}

/** The state that is wanted; "" is any. */
export const state = () => find("#state").value;

/** Shows every video again, so that a new one is seen. Returns whether another list has to be read. */
export function openWide() {
  const was = state();
  find("#search").value = "";
  find("#state").value = "";
  return was !== "";
}

/** Hides the cards without the words that are searched for. Says so when nothing is left. */
export function applyFilter(cards) {
  const words = find("#search").value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const card of cards) {
    const text = card.searchable().toLowerCase();
    card.element.hidden = !words.every((word) => text.includes(word));
    if (!card.element.hidden) shown += 1;
  }
  const isNarrow = words.length > 0 || state() !== "";
  find("#empty").hidden = shown > 0 || isNarrow;
  find("#none").hidden = shown > 0 || !isNarrow;
}
