// The controls for the fake providers' faults.

import * as api from "./api.js";
import { chips, find, make, picked } from "./dom.js";
import { say, sayOr } from "./words.js";

let names = null;
const states = new Map();
const whose = () => picked("whose") ?? names[0];

export async function openProvider(session) {
  names = session.providers;
  find("#provider").hidden = false;
  find("#whose").hidden = names.length < 2;
  find("#reconciler").dataset.seconds = session.reconcileSeconds;
  find("#faults-off").onclick = setBack;
  await Promise.all(names.map(async (name) => states.set(name, await api.provider(name))));
  drawProvider();
}

export function drawProvider() {
  find("#reconciler").textContent = say("reconciler", { seconds: find("#reconciler").dataset.seconds ?? "" });
  if (!names) return;
  if (!names.length) {
    find("#switches").replaceChildren(make("p", { class: "note" }, say("providerReal")));
    return;
  }
  const choices = names.map((name) => ({ value: name, text: sayOr(`provider.${name}`, name) }));
  find("#whose .chips").replaceChildren(...chips("whose", choices, whose(), drawSwitches));
  drawSwitches();
}

function drawSwitches() {
  const shown = states.get(whose());
  const had = document.activeElement?.id;
  find("#switches").replaceChildren(...Object.entries(shown.choices).map(([name, choices]) => {
    const options = choices.map((value) => make("option", { value, selected: value === shown.chosen[name] }, choiceName(name, value)));
    const select = make("select", { id: `switch-${name}`, onchange: change }, ...options);
    select.dataset.off = name === "seconds" || shown.chosen[name] === choices[0];
    return make("p", { class: "switch" }, make("label", { for: `switch-${name}` }, say(`switch.${name}`)), select);
  }));
  if (had?.startsWith("switch-")) find(`#${had}`)?.focus();
  drawFaults();
}

const choiceName = (name, value) => name === "seconds" ? say("switch.seconds.of", { seconds: value }) : say(`switch.${name}.${value}`);

/** The switches of a provider that aren't at their first choice, which is a provider without faults. How long it takes is no fault. */
const faultsOf = ({ chosen, choices }) => Object.keys(choices).filter((name) => name !== "seconds" && chosen[name] !== choices[name][0]);

/** Says what is on beside the switches and, because they may be out of sight, beside the button that orders. */
function drawFaults() {
  const on = names.flatMap((provider) => faultsOf(states.get(provider)).map((name) => say("faultOn", {
    provider: sayOr(`provider.${provider}`, provider), switch: say(`switch.${name}`), choice: choiceName(name, states.get(provider).chosen[name]),
  })));
  find("#faults-on").dataset.on = on.length > 0;
  find("#faults-on").textContent = on.length ? on.join(" · ") : say("faultsNone");
  find("#faults-off").hidden = !on.length;
  find("#faulty").hidden = !on.length;
  find("#faulty a").textContent = say("faultsSome", { n: on.length });
}

const change = (event) => set(whose(), { [event.target.id.replace("switch-", "")]: event.target.value });

async function setBack() {
  const faulty = names.filter((name) => faultsOf(states.get(name)).length);
  await Promise.all(faulty.map((name) => {
    const { choices } = states.get(name);
    return set(name, Object.fromEntries(faultsOf(states.get(name)).map((found) => [found, choices[found][0]])));
  }));
  find("#provider-title").focus(); // the button is gone
}

async function set(name, chosen) {
  states.set(name, await api.attempt(() => api.setProvider(name, chosen)) ?? states.get(name));
  drawSwitches();
}
