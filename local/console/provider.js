// The controls for the fake providers' faults.

import * as api from "./api.js";
import { chips, find, make, picked } from "./dom.js";
import { say, sayOr } from "./words.js";

let names = null;
let shown = null;

export async function openProvider(session) {
  names = session.providers;
  find("#provider").hidden = false;
  find("#whose").hidden = names.length < 2;
  find("#reconciler").dataset.seconds = session.reconcileSeconds;
  await read(names[0]);
}

export function drawProvider() {
  find("#reconciler").textContent = say("reconciler", { seconds: find("#reconciler").dataset.seconds ?? "" });
  if (!names) return;
  if (!names.length) {
    find("#switches").replaceChildren(make("p", { class: "note" }, say("providerReal")));
    return;
  }
  const chosen = picked("whose") ?? names[0];
  const choices = names.map((name) => ({ value: name, text: sayOr(`provider.${name}`, name) }));
  find("#whose .chips").replaceChildren(...chips("whose", choices, chosen, (event) => read(event.target.value)));
  drawSwitches();
}

async function read(name) {
  if (name) shown = await api.provider(name);
  drawProvider();
}

function drawSwitches() {
  const had = document.activeElement?.id;
  find("#switches").replaceChildren(...Object.entries(shown.choices).map(([name, choices]) => {
    const options = choices.map((value) => make("option", { value, selected: value === shown.chosen[name] },
      name === "seconds" ? say("switch.seconds.of", { seconds: value }) : say(`switch.${name}.${value}`)));
    const select = make("select", { id: `switch-${name}`, onchange: change }, ...options);
    select.dataset.off = shown.chosen[name] === choices[0];
    return make("p", { class: "switch" }, make("label", { for: `switch-${name}` }, say(`switch.${name}`)), select);
  }));
  if (had?.startsWith("switch-")) find(`#${had}`)?.focus();
}

async function change(event) {
  const name = event.target.id.replace("switch-", "");
  const whose = picked("whose") ?? names[0];
  try {
    shown = await api.setProvider(whose, { [name]: event.target.value });
  } catch (error) {
    if (!(error instanceof api.Refused || error instanceof api.Unreachable)) throw error;
  }
  drawSwitches();
}
