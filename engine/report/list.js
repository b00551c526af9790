// Last part: which rows stand in the list, in which order, and what hands do. Only the rows in view are in the document.
let items = []; // what the list shows: {band, n} or {film, n}
let tops = new Float64Array(1); // where each item begins, and where the last one ends
let place = 0; // of the film in hand among the items, or where it was
const phone = matchMedia("(max-width: 640px)");

// ---- which rows, in which order ----
const KEYS = {
  finding: (f) => f.finding, p: (f) => -f.p, reason: (f) => f.reason || "\uffff",
  file: (f) => f.file, bytes: (f) => -Number(f.bytes), modified: (f) => f.modified, status: (f) => f.status,
};
const byUrgency = (a, b) => RANK[a.priority] - RANK[b.priority] || b.p - a.p || a.index - b.index;
// Within a band the older film goes first: a score decides the band, waiting decides the place in it.
const byPlace = (a, b) => RANK[groupOf(a)] - RANK[groupOf(b)] || (a.modified < b.modified ? -1 : a.modified > b.modified ? 1 : 0) || b.p - a.p || a.index - b.index;
const haystack = (f) => (f.hay ??= [f.file, f.reason, f.finding, f.priority, f.status, f.study, f.sop].join("\n").toLowerCase());
const studyOf = (f) => f.study || "film " + f.index;
const lists = new Map(); // study -> its films, the most urgent first
for (const film of [...scored].sort(byUrgency)) {
  if (!lists.has(studyOf(film))) lists.set(studyOf(film), []);
  lists.get(studyOf(film)).push(film);
}
// The film that decides a study's band, and that band, as engine/triage/study.py says it; the only film of any other.
const heads = new Set();
for (const [study, list] of lists) {
  const [band, file] = places[study] ?? [];
  const head = list.find((film) => film.file === file) ?? list[0];
  head.studyBand = band;
  heads.add(head);
}
const bandOf = (f) => (state.studies && f.studyBand) || f.priority;
const groupOf = (f) => (f.waits && bandOf(f) !== "urgent" ? "waiting" : bandOf(f));

function choose(toTop) {
  const before = items, at = placeOfPick();
  const lost = state.band === "unscored";
  const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = (f) => (!state.doubtful || lost || f.doubt) && (!state.fresh || f.fresh) && !(state.hideRead && isRead(f)) &&
    words.every((w) => haystack(f).includes(w) || sentence(f).toLowerCase().includes(w) || t(f.finding || "-").toLowerCase().includes(w));
  let chosen = lost ? unscored : scored, elsewhere = 0;
  if (state.studies && !lost) chosen = chosen.filter((f) => heads.has(f) && lists.get(studyOf(f)).some(found));
  else chosen = chosen.filter(found);
  if (!lost && state.band !== "all") {
    const everywhere = chosen.length;
    chosen = chosen.filter((f) => bandOf(f) === state.band);
    if (words.length) elsewhere = everywhere - chosen.length;
  } else if (lost && words.length) elsewhere = scored.filter(found).length;
  const sort = lost && ["priority", "finding", "p"].includes(state.sort) ? "status" : state.sort;
  const key = KEYS[sort], sign = state.down ? -1 : 1;
  chosen = [...chosen].sort(key ? (a, b) => {
    const x = key(a), y = key(b);
    return sign * (x < y ? -1 : x > y ? 1 : 0) || byPlace(a, b);
  } : (a, b) => sign * byPlace(a, b));
  items = [];
  if (sort === "priority" || lost) { // a heading for each band, or for each kind of failure
    let heading = null;
    for (const film of chosen) {
      const group = lost ? film.status : groupOf(film);
      if (!heading || group !== heading.band) items.push((heading = { band: group, n: 0 }));
      heading.n++;
      items.push({ film });
    }
  } else items = chosen.map((film) => ({ film }));
  const high = phone.matches ? (facts.pictures && !lost ? 116 : 92) : facts.pictures && !lost ? 68 : 44;
  tops = new Float64Array(items.length + 1);
  items.forEach((item, i) => (tops[i + 1] = tops[i] + (item.film ? high : 32)));
  document.body.classList.toggle("plain", !facts.pictures && !lost);
  document.body.classList.toggle("lost", lost);
  $("found").textContent = many(lost ? "found_files" : state.studies ? "found_studies" : "found_films", chosen.length);
  $("elsewhere").hidden = !elsewhere;
  $("elsewhere").textContent = fill("elsewhere", { n: count(elsewhere) });
  if (!state.pick || (toTop && placeOfPick() < 0)) state.pick = chosen[0] ?? null;
  else if (placeOfPick() < 0 && before[at]) { // hidden by what was done to it: the next of those that stay
    const stay = new Set(chosen), next = (some) => some.find((item) => stay.has(item.film))?.film;
    state.pick = next(before.slice(at)) ?? next(before.slice(0, at).reverse()) ?? chosen[0] ?? null;
  }
}
// A film of a study that the list shows by another film is in that one's place; an earlier study's may be in none.
const isPick = (f) => f === state.pick || (state.studies && f && state.pick && studyOf(f) === studyOf(state.pick));
const placeOfPick = () => items.findIndex((item) => item.film && isPick(item.film));

// ---- the list ----
const first = (y) => { let a = 0, b = items.length; while (a < b) { const m = (a + b) >> 1; if (tops[m + 1] <= y) a = m + 1; else b = m; } return a; };
function draw() {
  const box = $("scroll"), sheet = $("sheet");
  sheet.style.height = tops[items.length] + "px";
  const nodes = [];
  for (let i = first(box.scrollTop - 200); i < items.length && tops[i] < box.scrollTop + box.clientHeight + 200; i++) nodes.push(node(items[i], i));
  $("empty").hidden = items.length > 0;
  sheet.replaceChildren(...nodes);
  const here = sheet.querySelector("[aria-selected=true]");
  if (here) box.setAttribute("aria-activedescendant", here.id);
  else box.removeAttribute("aria-activedescendant");
}
function node(item, i) {
  const { film } = item;
  if (!film) {
    const name = item.band === "waiting" ? fill("waiting", { n: facts.wait }) : t(item.band);
    const line = el("div", "band " + (RANK[item.band] === undefined ? "unscored" : item.band), name, el("small", "", count(item.n)));
    line.setAttribute("role", "presentation");
    line.style.top = tops[i] + "px";
    return line;
  }
  const line = el("div", "row item" + (isRead(film) ? " isread" : ""));
  line.id = "film" + film.index;
  line.style.top = tops[i] + "px";
  line.dataset.index = film.index;
  line.setAttribute("role", "option");
  line.setAttribute("aria-selected", Boolean(isPick(film)));
  if (!film.priority) {
    line.append(el("span"), chip("", t(film.status)), longName(film.file, "cut"), el("span", "two soft why1", sentence(film)),
      el("span", "num soft", sizeOf(film)), el("span", "cut soft", when(film.modified)));
    return line;
  }
  const thumb = el("span", facts.pictures ? "film" : "");
  const shown = picture(film);
  if (shown) {
    const img = el("img"); // the row says all that the picture could
    img.alt = ""; img.decoding = "async"; img.src = shown.url;
    thumb.append(img);
  }
  const siblings = state.studies ? lists.get(studyOf(film)).length : 1, given = markOf(film);
  const finding = el("span", "found1", el("span", film.doubt ? "doubted" : "", t(film.finding)));
  if (given.read) finding.append(el("span", "tick", " ✓"));
  if (given.disputed) finding.append(el("span", "tick", " ≠"));
  if (film.doubt) finding.append(el("span", "badge", t("doubtful")));
  if (film.fresh) finding.append(el("span", "more", t("new")));
  if (siblings > 1) finding.append(el("span", "more", fill("n_films", { n: siblings })));
  line.append(thumb, chip(bandOf(film)), finding, el("span", "num", decimal(film.pp, 3)), stack(film), el("span", "two", sentence(film)), longName(film.file, "cut soft"));
  return line;
}
function stack(film) {
  const bar = el("span", "stack wide");
  [film.pn, film.pb, film.pv].forEach((p, i) => { const part = el("i", "c" + i); part.style.width = 100 * p + "%"; bar.append(part); });
  bar.title = `${t("normal")} ${film.pn}, ${t("bacteria")} ${film.pb}, ${t("virus")} ${film.pv}`;
  return bar;
}
function drawHead() {
  const lost = state.band === "unscored";
  const columns = lost ? [null, "status", "file", "reason", "bytes", "modified"] : [null, "priority", "finding", "p", "p_bars", "reason", "file"];
  $("head").replaceChildren(...columns.map((name) => {
    if (!name) return el("span");
    if (name === "p_bars") return el("span", "wide soft", t(name));
    const here = state.sort === name;
    const node = button(t("by_" + name) + (here ? (state.down ? " ▼" : " ▲") : ""), () => { state.down = here && !state.down; state.sort = name; refresh(true); });
    if (name === "p" || name === "bytes") node.classList.add("right");
    if (here) { node.classList.add("here"); node.title = t(state.down ? "descending" : "ascending"); }
    return node;
  }));
}

// ---- the frame around the list ----
function drawFrame() {
  const root = document.documentElement;
  root.lang = looks.lang;
  if (looks.theme) root.dataset.theme = looks.theme;
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label));
  document.title = t("title") + " · " + facts.name;
  $("about").textContent = [facts.name, when(facts.made), facts.model].filter(Boolean).join(" · ");
  $("lang").textContent = looks.lang === "en" ? "Español" : "English";
  $("lang").lang = looks.lang === "en" ? "es" : "en";
  $("search").placeholder = t("search");
  if ($("search").value !== state.text) $("search").value = state.text;
  $("alarm").hidden = !failed.length;
  $("alarm").replaceChildren(el("strong", "", many("alarm", failed.length)), " ", many("alarm_more", failed.length), " ", button(many("see_them", failed.length), () => band("unscored")));
  const tiles = [["all", scored.length], ...BANDS.map((b) => [b, scored.filter((f) => f.priority === b).length]), ["unscored", unscored.length]];
  $("tiles").replaceChildren(...tiles.map(([name, n]) => {
    const tile = button("", () => band(name), state.band === name);
    tile.className = "tile " + name;
    tile.dataset.band = name;
    tile.append(el("b", "", count(n)), el("span", "", t(name)), " ",
      el("small", "", name === "unscored" ? fill("lost_detail", { failed: count(failed.length), skipped: count(n - failed.length) }) : name === "all" ? "" : percent(n, scored.length)));
    return tile;
  }));
  $("share").replaceChildren(...tiles.slice(1, 4).map(([name, n]) => { const part = el("i", name); part.style.flex = n; return part; }));
  $("grouping").replaceChildren(...[["films", false], ["studies", true]].map(([name, on]) => {
    const node = button(t("by_" + name), () => { state.studies = on; refresh(true); }, state.studies === on);
    node.dataset.grouping = name;
    return node;
  }));
  const truths = withTruth().length;
  const out = button(fill("export", { n: count(truths) }), exportTruth);
  out.id = "export"; out.disabled = !truths; out.title = t("export_hint");
  const fresh = facts.since ? [["fresh", "new_tonight", toggleFresh]] : [];
  const filters = [...fresh, ["doubtful", "only_doubtful", toggleDoubtful], ["hideRead", "hide_read", toggleRead]].map(([name, key, act]) => {
    const node = button(name === "fresh" ? fill(key, { n: count(scored.filter((f) => f.fresh).length) }) : t(key), act, state[name]);
    node.id = name;
    return node;
  });
  $("filters").replaceChildren(...filters, out);
  const keys = [["↑ ↓ j k", "key_move"], ["n", "key_next"], ["r x", "key_read"], ["h u", "key_hide"], ["0 1 2 3 4", "key_bands"], ["/", "key_search"], ["+ −", "key_zoom"], ["i v f", "key_look"], ["m", "key_map"], ["s", "key_studies"], ["l", "key_lang"], ["d", "key_theme"], ["?", "key_help"]];
  if (facts.viewer) keys.splice(9, 0, ["o", "key_viewer"]);
  if (facts.since) keys.splice(4, 0, ["t", "key_new"]);
  $("keylist").replaceChildren(...keys.flatMap(([key, text]) => [el("dt", "", el("kbd", "", key)), el("dd", "", t(text))]));
  const lines = [t("intended"), t("score_means")];
  if (facts.points) for (const point of ["rule_out", "rule_in"]) {
    const { threshold, sensitivity, specificity } = facts.points[point];
    lines.push(fill(point + "_means", { threshold: decimal(threshold, 4), sensitivity: percent(sensitivity, 1), specificity: percent(specificity, 1) }));
  }
  lines.push(t(facts.pictures ? "names_in_pictures" : "no_pictures"), t("paths"), "xscan " + facts.version + ".");
  $("foot").textContent = lines.join(" ");
}
function refresh(toTop) {
  const had = document.activeElement?.id || document.activeElement?.dataset?.band;
  choose(toTop);
  if (toTop) $("scroll").scrollTop = 0;
  drawFrame(); drawHead(); draw(); drawDetail(); remember();
  if (had && document.activeElement === document.body) ($(had) ?? document.querySelector(`[data-band="${had}"]`) ?? $("scroll")).focus();
}
function band(name) {
  state.band = name;
  if (name === "unscored") state.sort = "status";
  else if (["status", "bytes", "modified"].includes(state.sort)) state.sort = "priority";
  state.down = false;
  refresh(true);
}
function toggleFresh() { if (facts.since) { state.fresh = !state.fresh; refresh(true); } }
function toggleDoubtful() { state.doubtful = !state.doubtful; refresh(true); }
function toggleRead() { state.hideRead = !state.hideRead; refresh(true); }
function language() { looks.lang = looks.lang === "en" ? "es" : "en"; keep(local, "xscan.looks", looks); refresh(false); }
function theme() {
  const dark = looks.theme ? looks.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  looks.theme = dark ? "light" : "dark";
  keep(local, "xscan.looks", looks);
  refresh(false);
}
function go(i) { // to an item of the list, and keep it in view
  state.pick = items[i].film;
  place = i;
  const box = $("scroll"), above = i <= 1 ? 0 : tops[i];
  if (above < box.scrollTop) box.scrollTop = above;
  else if (tops[i + 1] > box.scrollTop + box.clientHeight) box.scrollTop = tops[i + 1] - box.clientHeight;
  draw(); drawDetail(); remember();
}
function move(by) { // over headings
  const rows = items.map((item, i) => (item.film ? i : -1)).filter((i) => i >= 0);
  if (!rows.length) return;
  const here = placeOfPick(), at = rows.findIndex((i) => i >= (here < 0 ? place : here));
  go(rows[Math.min(rows.length - 1, Math.max(0, (at < 0 ? rows.length : at) + by))]);
}
function nextUnread() {
  const here = placeOfPick(), at = here < 0 ? place : here;
  const order = [...items.keys()];
  const next = [...order.slice(at + 1), ...order.slice(0, at + 1)].find((i) => items[i].film && !isRead(items[i].film));
  if (next === undefined) $("found").textContent = t("no_unread");
  else go(next);
}
function markPick(name) {
  const film = state.pick;
  if (!film?.priority) return;
  const on = !markOf(film)[name];
  mark(film, name === "disputed" && on ? { disputed: true, read: true } : { [name]: on });
  refresh(false);
}

// ---- hands ----
$("scroll").addEventListener("scroll", draw, { passive: true });
addEventListener("resize", draw);
phone.addEventListener("change", () => refresh(false));
addEventListener("pagehide", remember);
$("sheet").addEventListener("click", (event) => {
  const line = event.target.closest("[data-index]");
  if (!line) return;
  state.pick = films[Number(line.dataset.index)];
  place = placeOfPick();
  document.body.classList.add("open");
  draw(); drawDetail(); remember();
});
$("back").onclick = () => { document.body.classList.remove("open"); $("scroll").focus(); };
$("search").addEventListener("input", () => { state.text = $("search").value; refresh(true); });
$("elsewhere").onclick = () => band("all");
$("lang").onclick = language;
$("theme").onclick = theme;
$("help").onclick = () => $("keys").showModal();
const ACTS = {
  "/": () => { $("search").focus(); $("search").select(); }, m: toggleMap, s: () => { state.studies = !state.studies; refresh(true); },
  l: language, d: theme, "?": () => $("keys").showModal(), n: nextUnread, r: () => markPick("read"), x: () => markPick("disputed"),
  h: toggleRead, u: toggleDoubtful, t: toggleFresh, i: invert, v: reset, f: full, o: openViewer,
  "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4),
  Enter: () => document.body.classList.add("open"), Escape: () => document.body.classList.remove("open"),
};
const STEPS = { ArrowDown: () => 1, ArrowUp: () => -1, PageDown: () => pageful(), PageUp: () => -pageful(), Home: () => -1e9, End: () => 1e9, j: () => 1, k: () => -1 };
const pageful = () => Math.max(1, Math.floor($("scroll").clientHeight / 68) - 1);
const PANS = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
  const key = event.key, typing = event.target === $("search"), field = event.target.matches("input, select") && !typing;
  if (field) return;
  if (typing && key === "Escape") { state.text = ""; refresh(true); $("scroll").focus(); }
  else if (event.shiftKey && key in PANS && !typing) pan(...PANS[key]);
  else if (key in STEPS && !(typing && !["ArrowDown", "ArrowUp"].includes(key))) move(STEPS[key]());
  else if (typing) return;
  else if (key === "Enter" && event.target !== $("scroll")) return;
  else if ("01234".includes(key)) band(["all", ...BANDS, "unscored"][Number(key)]);
  else if (key in ACTS) ACTS[key]();
  else return;
  event.preventDefault();
});
addEventListener("beforeprint", () => { // paper has no scrolling: every row that is chosen now, as a plain table
  const titles = ["", "priority", "finding", "p", "reason", "file"];
  const body = items.filter((item) => item.film).map(({ film }) => {
    const found = film.finding ? t(film.finding) + (film.doubt ? ` (${t("doubtful")})` : "") : "";
    const cells = [el("span", isRead(film) ? "box done" : "box", isRead(film) ? "✓" : ""), t(film.priority || film.status), found, film.pp, sentence(film), film.file];
    return el("tr", "", ...cells.map((cell) => el("td", "", cell)));
  });
  const caption = `${$("found").textContent}, ${fill("printed", { time: when(new Date().toISOString()) })}`;
  $("paper").replaceChildren(el("caption", "", caption), el("thead", "", el("tr", "", ...titles.map((name) => el("th", "", name && t("by_" + name))))), el("tbody", "", ...body));
});
addEventListener("afterprint", () => $("paper").replaceChildren());
document.addEventListener("DOMContentLoaded", () => { draw(); drawDetail(); }); // the pictures are here now
const wasAt = state.top;
refresh(false);
$("scroll").scrollTop = wasAt;
draw();
