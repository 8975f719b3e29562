// The form for a new video: the models, the price, and the request.

import * as api from "./api.js";
import { available, readCredits } from "./credits.js";
import { chips, find, make, picked } from "./dom.js";
import { drawInputs, INPUTS, modeOf, openInputs, readInputs, withSound } from "./inputs.js";
import { faultsOf, number, ratio, reasonOf, say } from "./words.js";

const FIELDS = ["prompt", "model", "duration", "aspectRatio", "quality", ...INPUTS];

let models = [];
let key = null;
let sent = "";
let isSending = false;

/** Credits, as GET /config/models lists them for a mode, a quality and a sound: the mode's own if nothing is said. */
export function cost({ prices }, { mode, audioDefault }, duration, quality, audio = audioDefault) {
  const listed = prices.find((row) => row.modes.includes(mode) && row.quality === (quality ?? null)
    && (row.audio === null || row.audio === audio));
  return listed.credits[duration];
}

const cheapest = ({ prices }) => Math.min(...prices.flatMap(({ credits }) => Object.values(credits)));

const model = () => models.find(({ id }) => id === picked("model"));
const mode = () => modeOf(model());
export const modelName = (id) => models.find((found) => found.id === id)?.name ?? id;

/** `ordered(uuid)` is called when a video was created. */
export function openOrder(found, ordered) {
  showModels(found);
  find("#order").onsubmit = (event) => { event.preventDefault(); send(ordered); };
  openInputs(drawCost);
  find("#grant").onclick = grant;
}

export function showModels(found) {
  models = found;
  drawOrder();
}

export function drawOrder() {
  if (!models.length) return;
  const chosen = picked("model") ?? models[0].id;
  find("#model .models").replaceChildren(...models.map((offered) => make("label", { class: "model" },
    make("input", { type: "radio", name: "model", value: offered.id, checked: offered.id === chosen, onchange: drawChoices }),
    make("span", { class: "name" }, offered.name),
    make("span", { class: "from" }, say("from", { n: number(cheapest(offered)) })),
    make("span", { class: "about" }, offered.description ?? ""))));
  drawChoices();
}

/** Draws the chosen model's options, and keeps what was chosen for the other model where it fits. */
function drawChoices() {
  drawInputs(model(), drawChoices);
  const { durations, aspectRatios, qualities } = mode();
  drawChips("duration", durations.map((n) => ({ value: String(n), text: say("seconds", { n }) })));
  drawChips("aspectRatio", aspectRatios.map((value) => ({ value, text: ratio(value), mark: frame(value) })));
  drawChips("quality", qualities.map((value) => ({ value, text: value })));
  drawCost();
}

function drawChips(name, choices) {
  const before = picked(name);
  const chosen = choices.some(({ value }) => value === before) ? before : choices[0]?.value;
  find(`#${name}`).hidden = !choices.length;
  find(`#${name} .chips`).replaceChildren(...chips(name, choices, chosen, drawCost));
}

/** None for a ratio that the provider chooses. */
function frame(value) {
  if (!value.includes(":")) return null;
  const mark = make("i", { class: "frame", "aria-hidden": "true" });
  mark.style.aspectRatio = value.replace(":", " / ");
  return mark;
}

const price = () => cost(model(), mode(), Number(picked("duration")), picked("quality"), withSound(mode()));

export function drawCost() {
  if (!models.length) return;
  const costs = price();
  const left = available() === null ? null : available() - costs;
  find("#cost").textContent = say("credits.n", { n: number(costs) });
  find("#leaves").textContent = left === null ? "" : left < 0 ? say("short", { n: number(-left) }) : say("leaves", { n: number(left) });
  find("#broke").hidden = left === null || left >= 0;
}

async function requestBody() {
  return {
    prompt: find("#prompt").value,
    model: picked("model"),
    duration: Number(picked("duration")),
    ...(picked("aspectRatio") && { aspectRatio: picked("aspectRatio") }),
    ...(picked("quality") && { quality: picked("quality") }),
    ...await readInputs(mode()),
  };
}

/** The button is off while a request is on its way, and while the server is away. Not `disabled`: that would take the focus away. */
export function showSend() {
  const button = find("#send");
  button.setAttribute("aria-disabled", String(isSending || !find("#away").hidden));
  button.dataset.word = isSending ? "sending" : "send";
  button.textContent = say(button.dataset.word);
}

async function send(ordered) {
  if (find("#send").getAttribute("aria-disabled") === "true") return;
  clearFaults();
  if (!find("#prompt").value.trim()) {
    fault("prompt", say("promptMissing"));
    return;
  }
  isSending = true;
  showSend();
  try {
    const order = await requestBody();
    const written = JSON.stringify(order);
    if (written !== sent || !key) [sent, key] = [written, crypto.randomUUID()];
    const { videoUuid } = await api.generate(order, key);
    key = null;
    ordered(videoUuid);
  } catch (error) {
    if (error instanceof api.Refused) refused(error);
    else if (!(error instanceof api.Unreachable)) throw error;
  } finally {
    isSending = false;
    showSend();
  }
}

function refused(error) {
  if (error.status < 500 || error.code === "PROVIDER_ERROR") key = null; // else the video may have been created
  const faults = faultsOf(error);
  const isOnPage = ({ path }) => FIELDS.includes(path) && !find(`#${path}`).hidden;
  for (const { path, message } of faults.filter(isOnPage)) fault(path, message);
  const others = faults.filter((found) => !isOnPage(found)).map(({ path, message }) => `${path}: ${message}`);
  const { requiredCredits, availableCredits, errorCode } = error.details;
  find("#refused").hidden = false;
  find("#refused").textContent = error.code === "INSUFFICIENT_CREDITS"
    ? say("refusedCredits", { required: number(requiredCredits), available: number(availableCredits) })
    : [reasonOf(error.code, error.message), errorCode && reasonOf(errorCode, errorCode), ...others].filter(Boolean).join(" ");
  if (error.code === "INSUFFICIENT_CREDITS") find("#broke").hidden = false;
}

function fault(field, message) {
  const place = find(`#${field}`);
  const id = `fault-${field}`;
  find(`#${id}`)?.remove();
  const told = make("p", { class: "trouble", id }, message);
  if (field === "prompt") place.after(told);
  else place.append(told);
  place.setAttribute("aria-invalid", "true");
  place.setAttribute("aria-describedby", id);
  (place.matches("textarea") ? place : find("input", place))?.focus();
}

function clearFaults() {
  find("#refused").hidden = true;
  for (const told of document.querySelectorAll('#order [id^="fault-"]')) told.remove();
  for (const field of FIELDS) for (const name of ["aria-invalid", "aria-describedby"]) find(`#${field}`).removeAttribute(name);
}

async function grant() {
  try {
    await api.grant(100);
    await readCredits();
    clearFaults();
    drawCost();
    find("#send").focus();
  } catch (error) {
    if (error instanceof api.Refused) refused(error);
    else if (!(error instanceof api.Unreachable)) throw error;
  }
}
