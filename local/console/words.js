// The page’s language, its texts, and how it writes numbers and times.

import texts from "./texts.js";

const LANGUAGES = ["en", "zh"]; // in the order of each text
const STORED = "clipferry.language";
let language = "en";

/** Without an argument: the language chosen before, else the browser's. */
export function switchTo(wanted = localStorage.getItem(STORED) ?? navigator.language.slice(0, 2)) {
  language = LANGUAGES.includes(wanted) ? wanted : "en";
  if (arguments.length) localStorage.setItem(STORED, language);
  document.documentElement.lang = language === "zh" ? "zh-CN" : language;
  for (const button of document.querySelectorAll("[data-language]")) button.setAttribute("aria-pressed", String(button.dataset.language === language));
}

export const shownLanguage = () => language;

export function say(key, values = {}) {
  if (!Object.hasOwn(texts, key)) throw new Error(`there is no text for ${key}`);
  return texts[key][LANGUAGES.indexOf(language)].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** For names that the server may know and this page doesn't. */
export const sayOr = (key, otherwise, values = {}) => (Object.hasOwn(texts, key) ? say(key, values) : otherwise);
export const reasonOf = (code, message) => sayOr(`error.${code}`, message || code);

/** What a refusal says of each field. The server's own words stand behind the page's. */
export const faultsOf = ({ details }) => (details.fields ?? []).map(({ path, code, message }) => ({
  path: path.split(".")[0],
  message: code ? sayOr(`fault.${code}`, say("fault.invalid", { message }), { message }) : message, // without: the page's own
}));

/** A provider that this page doesn't know is an owner's own gateway, whose name stands as it is. */
export const providerName = (name) => sayOr(`name.${name}`, name);
export const verdictName = (verdict) => sayOr(`verdict.${verdict}`, verdict);
export const deliveryName = (state) => sayOr(`delivery.${state}`, state);
export const ratio = (value) => sayOr(`ratio.${value}`, value);

/** Fills in the text of every element below `root` that names its words. */
export function translate(root = document) {
  for (const element of root.querySelectorAll("[data-word]")) {
    const text = say(element.dataset.word);
    if (element.textContent !== text) element.textContent = text;
  }
  for (const element of root.querySelectorAll("[data-word-label]")) element.setAttribute("aria-label", say(element.dataset.wordLabel));
  for (const element of root.querySelectorAll("[data-word-hint]")) element.placeholder = say(element.dataset.wordHint);
}

export const number = (value) => new Intl.NumberFormat(language).format(value);
const region = () => (navigator.language.startsWith(language) ? navigator.language : language);
export const moment = (at) => new Date(at).toLocaleString(region(), { dateStyle: "short", timeStyle: "medium" });
const time = (at) => new Date(at).toLocaleTimeString(region(), { hour: "2-digit", minute: "2-digit" });
const day = (at) => new Date(at).toLocaleDateString(region(), { dateStyle: "medium" });

/** The time, and the day where that isn't today. */
export const clock = (at) => (day(at) === day(Date.now()) ? time(at) : `${day(at)} ${time(at)}`);

/** "0.41 s", "12.3 s", "4:05". */
export function seconds(value) {
  if (value >= 60) return `${Math.floor(value / 60)}:${String(Math.floor(value % 60)).padStart(2, "0")}`;
  return say("seconds", { n: value.toFixed(value < 10 ? 2 : 1) });
}

/** "837 B", "310 kB", "4.2 MB". */
export function size(bytes) {
  const [value, unit] = bytes < 1e3 ? [bytes, "B"] : bytes < 1e6 ? [bytes / 1e3, "kB"] : [bytes / 1e6, "MB"];
  return `${new Intl.NumberFormat(language, { maximumSignificantDigits: 3 }).format(value)} ${unit}`;
}
