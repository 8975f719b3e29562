// Which videos are shown: those in a state, as the server lists them, and of these the ones with some words.

import { STATES } from "./cards.js";
import { find, make } from "./dom.js";
import { modelName } from "./order.js";
import { say } from "./words.js";

/** `changed()` is called for another state. */
export function openFilter(changed) {
  find("#state").onchange = changed;
}

export function drawFilter() {
  const chosen = state();
  find("#state").replaceChildren(...["", ...STATES, "FAILED"].map((value) =>
    make("option", { value, selected: value === chosen }, say(value ? `status.${value}` : "stateAny"))));
}

/** The state that is wanted; "" is any. */
export const state = () => find("#state").value;

/** The words that are searched for. */
export const words = () => find("#search").value.toLowerCase().split(/\s+/).filter(Boolean);

export function matches({ prompt, uuid, model, provider }) {
  const text = [prompt, uuid, modelName(model), provider].join(" ").toLowerCase();
  return words().every((word) => text.includes(word));
}

/** Asks for every video again, so that a certain one is seen. Returns whether another list has to be read. */
export function openWide() {
  const was = state();
  find("#search").value = "";
  find("#state").value = "";
  return was !== "";
}

/** Hides the cards without the words that are searched for. Says so when nothing is left. */
export function applyFilter(cards) {
  let shown = 0;
  for (const card of cards) {
    card.element.hidden = !matches(card.video);
    if (!card.element.hidden) shown += 1;
  }
  const isNarrow = words().length > 0 || state() !== "";
  find("#empty").hidden = shown > 0 || isNarrow;
  find("#none").hidden = shown > 0 || !isNarrow;
}
