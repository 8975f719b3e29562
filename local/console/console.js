// The page as a whole: it polls while something may change, and not at all while it is hidden.

import * as api from "./api.js";
import { isOpen } from "./cards.js";
import { drawCredits, readCredits } from "./credits.js";
import { find } from "./dom.js";
import { drawFilter, openFilter, openWide } from "./filter.js";
import { drawHistory, openHistory, readHistory } from "./history.js";
import { cards, drop, dropAll, filter, follow, neighbour, openList, readNewest, readOlder, show } from "./list.js";
import { drawCost, drawOrder, openOrder, showModels, showSend } from "./order.js";
import { drawProvider, openProvider } from "./provider.js";
import { drawSearch, forget, forgetOne, openSearch, searchOn } from "./search.js";
import { reasonOf, say, shownLanguage, switchTo, translate } from "./words.js";

const SOONEST = 400;
const LATEST = { busy: 1500, idle: 5000, unreachable: 2000 };
const LIST_EVERY = 4000;

const poll = { delay: SOONEST, timer: 0, listed: 0, changed: false, running: false, again: false, unreachable: false };
let started = false;
let linked;

/** Reads the newest videos, and removes those that are gone. `anew` begins another list. */
async function readList(anew = false) {
  if (await readNewest(anew)) poll.changed = true;
  poll.listed = Date.now();
}

/** Removes a deleted card; the focus goes to the card that takes its place. */
function gone(card) {
  const next = neighbour(card.element);
  forgetOne(card.video.uuid);
  drop(card.video.uuid);
  (next ? find("h3", next) : find("#videos")).focus();
  find("#said").textContent = say("removed");
  acted();
}

const acted = () => soon();

/** Another state is another list, to be searched anew. */
async function otherState() {
  forget();
  dropAll();
  await readList(true);
  await searchOn();
}

/** Asks for every video again, so that a certain one is seen. Returns whether the list has to be read. */
function widen() {
  const isOtherList = openWide();
  forget();
  if (isOtherList) dropAll();
  else filter();
  return isOtherList;
}

async function ordered(uuid) {
  widen();
  await soon();
  find("#said").textContent = say("ordered");
  cards.get(uuid)?.element.scrollIntoView({ block: "nearest" });
}

const open = () => [...cards.values()].filter(({ video }) => isOpen(video.status));

async function look() {
  const watched = find("#hands-off").checked ? [] : open();
  if ((await Promise.all(watched.map(follow))).includes(true)) poll.changed = true;
  if (poll.changed || Date.now() - poll.listed > LIST_EVERY || find("#hands-off").checked) await readList();
  const { changed } = poll;
  poll.changed = false;
  if (changed) {
    await Promise.all([readCredits(), readHistory()]);
    drawCost();
  }
  await Promise.all([...cards.values()].filter((card) => card.storyIsOpen && (changed || card.storyGoesOn)).map((card) => card.readStory()));
  return changed;
}

async function tick() {
  if (document.hidden) return;
  if (poll.running) { poll.again = true; return; }
  poll.running = true;
  try {
    if (!started) await start();
    await openLinked();
    const changed = await look();
    showWrong(null);
    poll.delay = changed ? SOONEST : Math.min(poll.delay * 1.4, open().length ? LATEST.busy : LATEST.idle);
  } catch (error) {
    if (error instanceof api.Refused && error.status === 401) { signIn(); return; }
    if (!(error instanceof api.Failed)) throw error;
    if (error instanceof api.Refused) showWrong(error, await whatIsWrong(error));
    poll.delay = Math.min(poll.delay * 1.4, LATEST.unreachable);
  } finally {
    poll.running = false;
  }
  clearTimeout(poll.timer);
  poll.timer = setTimeout(tick, poll.again ? 0 : poll.delay);
  poll.again = false;
}

/** Says why the server answers with an error: else the page would just stay as it is, or empty. */
function showWrong(error, detail) {
  find("#wrong").hidden = !error;
  if (error) find("#wrong span").textContent = detail ? say("misconfigured", { detail }) : reasonOf(error.code, error.message);
}

/** The API doesn't say which setting is wrong, as anybody may read its answers; the local stack knows it from the log. */
const whatIsWrong = async ({ code }) => (code === "CONFIGURATION_ERROR" ? (await api.attempt(api.misconfigured))?.detail : null);

/** An error of the server is told, and the work made good, by the poll. */
const tried = (work) => api.attempt(work, soon);

function soon() {
  clearTimeout(poll.timer);
  Object.assign(poll, { delay: SOONEST, listed: 0 });
  return tick();
}

async function start() {
  const [session, models] = await Promise.all([api.session(), api.models(shownLanguage())]);
  if (session.token) api.signInAs(session.token, true);
  openOrder(models, ordered);
  await openProvider(session);
  forget();
  await Promise.all([readCredits(), readList(true)]);
  drawCost();
  searchOn();
  find("#sign-in").hidden = true;
  find("#order").hidden = false;
  started = true;
}

/** Shows the video that the page's address names, once: after that, the visitor may look elsewhere. */
async function openLinked() {
  const [, uuid] = /^#video-([\w-]+)$/.exec(location.hash) ?? [];
  if (linked === uuid) return;
  find("#unknown").hidden = true;
  if (uuid) await showLinked(uuid);
  linked = uuid;
}

async function showLinked(uuid) {
  if ((!cards.has(uuid) || cards.get(uuid).element.hidden) && widen()) await readList();
  try {
    if (!cards.has(uuid)) show([await api.one(uuid)]);
    cards.get(uuid).element.scrollIntoView({ block: "start" });
    cards.get(uuid).title.focus();
  } catch (error) {
    if (!(error instanceof api.Refused) || error.status !== 404) throw error;
    find("#unknown").hidden = false;
    find("#videos").focus();
  }
}

function signIn() {
  find("#sign-in .trouble").hidden = find("#sign-in").hidden;
  find("#order").hidden = true;
  find("#sign-in").hidden = false;
  find("#token").focus();
  find("#sign-in").onsubmit = (event) => {
    event.preventDefault();
    api.signInAs(find("#token").value.trim());
    soon();
  };
}

/** A server that is back may be another one, so the models and the session are read again. */
api.onReachable((isReachable) => {
  if (isReachable && poll.unreachable) {
    started = false;
    find("#said").textContent = say("back");
  }
  poll.unreachable = !isReachable;
  find("#away").hidden = isReachable;
  showSend();
});

function useLanguage(language) {
  switchTo(language);
  translate();
  for (const draw of [drawFilter, drawSearch, drawOrder, drawProvider, drawCredits, drawHistory]) draw();
  for (const card of cards.values()) { card.draw(); card.drawStory(); }
  if (started) readModels();
}

/** The server writes the models' descriptions. An answer in a language that was left meanwhile is dropped. */
async function readModels() {
  const language = shownLanguage();
  const models = await api.attempt(() => api.models(language));
  if (models && language === shownLanguage()) showModels(models);
}

for (const button of document.querySelectorAll("[data-language]")) button.onclick = () => useLanguage(button.dataset.language);
find("#more").onclick = () => (find("#search").value.trim() ? searchOn(true) : tried(readOlder));
find("#hands-off").onchange = soon;
addEventListener("hashchange", soon);
openList({ acted, gone, ordered, shown: drawSearch });
openFilter(() => tried(otherState));
openSearch();
openHistory();
document.addEventListener("visibilitychange", () => { if (document.hidden) clearTimeout(poll.timer); else soon(); });
useLanguage();
tick();
