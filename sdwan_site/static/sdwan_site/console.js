// The console's own script: live pages, keyboard, theme, filter.
// Every page works without it. Nothing here makes up a value: it shows what the server said.

const STALE_AFTER_FAILURES = 2;
const BACK_OFF = [1, 2, 4, 12];
const IDLE_MS = 10 * 60 * 1000;
const IDLE_FACTOR = 12;

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// --- the server's clock -----------------------------------------------------------------
// Ages count by the server's time: the clock of this computer may be wrong.
const clock = {
  offset: Number(document.body.dataset.now || 0) * 1000 - Date.now(),
  now() {
    return (Date.now() + this.offset) / 1000;
  },
  set(seconds) {
    this.offset = seconds * 1000 - Date.now();
  },
};

function duration(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  const [big, small, bigName, smallName] =
    s < 86400
      ? [Math.floor(s / 3600), Math.floor((s % 3600) / 60), "h", "min"]
      : [Math.floor(s / 86400), Math.floor((s % 86400) / 3600), "d", "h"];
  return small ? `${big} ${bigName} ${small} ${smallName}` : `${big} ${bigName}`;
}

function tick() {
  const now = clock.now();
  for (const element of $$("time[data-age]")) {
    setText(element, duration(now - Number(element.dataset.age)));
  }
  for (const element of $$("time[data-until]")) {
    setText(element, duration(Number(element.dataset.until) - now));
  }
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function showServerTime() {
  const element = $("#live-clock");
  if (!element) return;
  const format = { hour12: false, timeZone: element.dataset.zone };
  setText(element, new Date(clock.now() * 1000).toLocaleTimeString("en-GB", format));
}

// --- keyed swap: an element is replaced only when its data-v differs ----------------------
function keyedSwap(fragment) {
  // All ids of the answer are collected first: rows that have been moved into the page
  // are no longer in the fragment, and would look as if they had been removed.
  const incoming = new Map($$("[data-v][id]", fragment).map((element) => [element.id, element]));
  for (const container of $$("[data-order]", fragment)) {
    swapChildren(container, incoming);
  }
  for (const element of incoming.values()) {
    if (!element.parentElement?.closest("[data-order]")) replaceIfChanged(element);
  }
  tick();
}

function swapChildren(container, incoming) {
  const live = document.getElementById(container.id);
  if (!live) return;
  const order = container.dataset.order.split(/\s+/).filter(Boolean);
  const wanted = new Set(order);
  if (!("keep" in live.dataset)) {
    for (const child of [...live.children]) {
      if (child.id && !wanted.has(child.id)) child.remove();
    }
  }
  for (const id of order) {
    const element = incoming.get(id);
    if (!element) continue;
    if (document.getElementById(id)) replaceIfChanged(element);
    else live.append(element);
  }
  if ("follow" in live.dataset) sortChildren(live, order);
  else offerSorting(live, order);
  groupByDay(live);
}

function replaceIfChanged(element) {
  const current = document.getElementById(element.id);
  if (!current || current.dataset.v === element.dataset.v) return;
  const focus = rememberFocus(current);
  const open = $$("details", current).map((one) => one.open);
  if (current.className !== element.className && current.matches(".path-row")) {
    element.classList.add("is-changed");
  }
  if (current.classList.contains("is-current")) element.classList.add("is-current");
  current.replaceWith(element);
  $$("details", element).forEach((one, index) => {
    one.open = open[index] ?? one.open;
  });
  if (window.htmx) window.htmx.process(element);
  restoreFocus(element, focus);
}

const FOCUSABLE = "a, button, input, select, summary, [tabindex]";

function rememberFocus(root) {
  if (!root.contains(document.activeElement)) return null;
  return root === document.activeElement ? -1 : $$(FOCUSABLE, root).indexOf(document.activeElement);
}

function restoreFocus(root, index) {
  if (index === null) return;
  const target = index < 0 ? root : $$(FOCUSABLE, root)[index];
  target?.focus({ preventScroll: true });
}

function sortChildren(live, order) {
  const rank = new Map(order.map((id, index) => [id, index]));
  const known = [...live.children].filter((child) => rank.has(child.id));
  known.sort((a, b) => rank.get(a.id) - rank.get(b.id));
  const inPlace = known.every((child, index) => live.children[index] === child);
  if (!inPlace) live.prepend(...known);
}

function offerSorting(live, order) {
  const shown = [...live.children].map((child) => child.id);
  const differs = shown.join(" ") !== order.join(" ");
  live.dataset.wished = order.join(" ");
  const pill = $("[data-action=resort]", live.closest(".card") || document);
  if (pill) pill.hidden = !differs;
}

function resort(pill) {
  const live = $("[data-wished]", pill.closest(".card"));
  if (live) sortChildren(live, live.dataset.wished.split(" "));
  pill.hidden = true;
}

function groupByDay(list) {
  if (!list.classList.contains("by-day")) return;
  $$(".day", list).forEach((heading) => heading.remove());
  let day = "";
  for (const row of $$("[data-day]", list)) {
    if (row.dataset.day === day) continue;
    day = row.dataset.day;
    const heading = document.createElement("li");
    heading.className = "day";
    heading.textContent = day;
    row.before(heading);
  }
}

// --- polling ------------------------------------------------------------------------------
const live = { failures: 0, lastInput: Date.now(), verdict: "" };

function startPolling() {
  for (const region of $$("[data-poll-secs]")) schedule(region);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) $$("[data-poll-secs]").forEach(poll);
  });
  for (const kind of ["pointermove", "keydown", "scroll"]) {
    document.addEventListener(kind, () => (live.lastInput = Date.now()), { passive: true });
  }
}

function schedule(region) {
  clearTimeout(region.pollTimer);
  const idle = Date.now() - live.lastInput > IDLE_MS ? IDLE_FACTOR : 1;
  const back = BACK_OFF[Math.min(live.failures, BACK_OFF.length - 1)];
  const jitter = 0.9 + Math.random() * 0.2;
  const wait = Number(region.dataset.pollSecs) * 1000 * Math.max(idle, back) * jitter;
  region.pollTimer = setTimeout(() => poll(region), wait);
}

function poll(region) {
  if (!document.hidden && region.isConnected) window.htmx.trigger(region, "poll");
  if (region.isConnected) schedule(region);
}

function listenToHtmx() {
  window.htmx.defineExtension("keyed", {
    isInlineSwap: (style) => style === "keyed",
    handleSwap(style, target, fragment) {
      if (style !== "keyed") return false;
      keyedSwap(fragment);
      return [];
    },
  });
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    if (!("pollSecs" in detail.elt.dataset)) return;
    // htmx keeps the address of the first reading; the filter box may have changed it.
    detail.path = detail.elt.getAttribute("hx-get");
    if (detail.elt.dataset.rev) detail.parameters.rev = detail.elt.dataset.rev;
  });
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (!("pollSecs" in detail.elt.dataset)) return;
    if (detail.successful) reached(detail.elt, detail.xhr);
    else missed(detail.elt, detail.xhr);
  });
}

function reached(region, xhr) {
  live.failures = 0;
  const rev = xhr.getResponseHeader("X-Rev");
  const time = Number(xhr.getResponseHeader("X-Server-Time"));
  if (rev) region.dataset.rev = rev;
  if (time) clock.set(time);
  live.reachedAt = clock.now();
  document.body.classList.remove("is-offline");
  $("#toast").hidden = true;
  showServerTime();
  tick();
  sayVerdict();
}

function missed(region, xhr) {
  if (xhr?.status === 403 || xhr?.status === 401) {
    window.location.reload();
    return;
  }
  live.failures += 1;
  if (live.failures < STALE_AFTER_FAILURES) return;
  document.body.classList.add("is-offline");
  const since = $("#live-clock")?.textContent;
  const toast = $("#toast");
  toast.textContent = `Connection lost. Showing data${since ? ` from ${since}` : ""}. Trying again…`;
  toast.hidden = false;
}

function sayVerdict() {
  // Read out only when the sentence changes: a screen reader must not talk all day.
  const text = $("#verdict .verdict-text")?.textContent.trim() || "";
  if (live.verdict && text !== live.verdict && $("#verdict-spoken")) {
    $("#verdict-spoken").textContent = text;
  }
  live.verdict = text;
}

// --- theme ------------------------------------------------------------------------------------
const THEMES = ["auto", "light", "dark"];

function nextTheme() {
  const root = document.documentElement;
  const theme = THEMES[(THEMES.indexOf(root.dataset.scheme) + 1) % THEMES.length];
  root.dataset.scheme = theme;
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
  note(`Theme: ${theme}`);
}

let noteTimer;

function note(text) {
  const toast = $("#toast");
  if (document.body.classList.contains("is-offline")) return;
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(noteTimer);
  noteTimer = setTimeout(() => (toast.hidden = true), 1500);
}

// --- keyboard and clicks -------------------------------------------------------------------------
const PAGES = { o: "/", p: "/paths/", l: "/policies/", e: "/events/" };
let chord = "";

function keysAreOn() {
  return localStorage.getItem("keys") !== "off";
}

function onKey(event) {
  const typing = event.target.matches("input, select, textarea, [contenteditable]");
  if (event.key === "Escape" && typing) event.target.blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !keysAreOn()) return;
  if (chord === "g" && PAGES[event.key]) {
    window.location.assign(PAGES[event.key]);
    return;
  }
  chord = event.key;
  const actions = {
    "/": () => $("[data-filter]")?.focus(),
    j: () => moveRow(1),
    k: () => moveRow(-1),
    Enter: () => openRow(event),
    t: nextTheme,
    "?": () => $("#help").showModal(),
  };
  if (!actions[event.key]) return;
  if (event.key === "/") event.preventDefault();
  actions[event.key]();
}

function moveRow(step) {
  const rows = $$("[data-href]");
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.classList.contains("is-current"));
  const next = rows[Math.min(rows.length - 1, Math.max(0, at + step))];
  rows[at]?.classList.remove("is-current");
  next.classList.add("is-current");
  next.scrollIntoView({ block: "nearest" });
}

function openRow(event) {
  const row = $("[data-href].is-current");
  if (row && event.target === document.body) window.location.assign(row.dataset.href);
}

function onClick(event) {
  const action = event.target.closest("[data-action]");
  if (action?.dataset.action === "theme") nextTheme();
  if (action?.dataset.action === "resort") resort(action);
  if (action?.dataset.action === "keys") localStorage.setItem("keys", action.checked ? "on" : "off");
  const row = event.target.closest("tr[data-href]");
  if (row && !event.target.closest("a, button, input") && !window.getSelection()?.toString()) {
    window.location.assign(row.dataset.href);
  }
}

// --- filter box: what is typed becomes the address ------------------------------------------------
function onFilter(input) {
  const query = new URLSearchParams(new FormData(input.form));
  if (!input.value.trim()) query.delete("q");
  const search = query.toString();
  const address = search ? `?${search}` : window.location.pathname;
  window.history.replaceState(null, "", address);
  const region = input.closest("[data-poll-secs]");
  if (!region) return;
  const fragment = region.getAttribute("hx-get").split("?")[0];
  region.setAttribute("hx-get", search ? `${fragment}?${search}` : fragment);
  delete region.dataset.rev;
  window.htmx.trigger(region, "poll");
}

// --- start --------------------------------------------------------------------------------------------
function start() {
  if (window.htmx) {
    listenToHtmx();
    startPolling();
  }
  $$(".by-day").forEach(groupByDay);
  sayVerdict();
  setInterval(tick, 1000);
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", onClick);
  let typing;
  for (const input of $$("[data-filter]")) {
    input.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(() => onFilter(input), 150);
    });
  }
  const keys = $("[data-action=keys]");
  if (keys) keys.checked = keysAreOn();
}

start();
