// The morning page, first part: what is in it, its words, and what is kept over a reload.
// Rows come as arrays (in the CSV's order), pictures as text in blocks after this script, so that the list is
// painted before the browser has read them.
const $ = (id) => document.getElementById(id);
const facts = JSON.parse($("facts").textContent);
const COLUMNS = ["file", "status", "priority", "finding", "pn", "pb", "pv", "pp", "reason", "study", "series", "sop", "bytes", "modified", "seen"];
const BANDS = ["urgent", "review", "routine"];
const RANK = { urgent: 0, waiting: 1, review: 2, routine: 3, "": 4 };
const MARK = { urgent: "M5 0L10 9H0Z", review: "M5 0L10 5L5 10L0 5Z", routine: "M5 .5A4.5 4.5 0 1 1 5 9.5A4.5 4.5 0 1 1 5 .5Z", "": "M0 4H10V6H0Z" };
const places = JSON.parse($("studies").textContent); // study -> [band, file of the film that decides], of more films than one
const UID = /^[0-9.]{1,64}$/;

const films = JSON.parse($("rows").textContent).map((cells, index) => {
  const film = { index };
  COLUMNS.forEach((name, i) => (film[name] = cells[i]));
  film.p = film.pp === "" ? -1 : Number(film.pp);
  film.code = film.reason.split(":", 1)[0];
  film.doubt = film.status === "review"; // scored, but the network may not decide
  const hours = (Date.parse(facts.made) - Date.parse(film.modified)) / 36e5;
  film.waits = BANDS.indexOf(film.priority) > 0 && hours > facts.wait && hours < facts.archive;
  film.fresh = Boolean(facts.since && film.seen >= facts.since); // new tonight
  return film;
});
const scored = films.filter((f) => f.priority);
const unscored = films.filter((f) => !f.priority);
const failed = unscored.filter((f) => f.status === "failed");

// A film as it was, in 53 bits: a name that the browser keeps must not be a patient's.
function keyOf(film) {
  let a = 0xdeadbeef, b = 0x41c6ce57;
  const text = film.file + "|" + film.bytes + "|" + film.modified;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return (4294967296 * (2097151 & b) + (a >>> 0)).toString(36);
}

// ---- what is kept: the view until the tab is closed, marks and looks in the browser ----
function kept(store, name, fallback) {
  try { return { ...fallback, ...JSON.parse(store().getItem(name)) }; } catch { return { ...fallback }; }
}
function keep(store, name, value) {
  try { store().setItem(name, JSON.stringify(value)); return true; } catch { return false; }
}
const local = () => localStorage, session = () => sessionStorage;
const looks = kept(local, "xscan.looks", { lang: facts.lang, theme: "" });
const VIEW = "xscan.view." + facts.name + "." + facts.made;
const state = kept(session, VIEW, { band: "all", text: "", sort: "priority", down: false, studies: false, map: false, hideRead: false, doubtful: false, fresh: false, top: 0, film: -1 });
state.pick = films[state.film] ?? null;
function remember() {
  const { pick, ...view } = state;
  keep(session, VIEW, { ...view, film: pick ? pick.index : -1, top: $("scroll").scrollTop });
}

// ---- words ----
const t = (key) => facts.strings[looks.lang][key] ?? key;
const fill = (key, values) => t(key).replace(/\{(\w+)\}/g, (_, name) => values[name]);
const count = (n) => n.toLocaleString(looks.lang);
const many = (key, n) => fill(n === 1 ? key + "_one" : key, { n: count(n) });
const percent = (n, of) => (of ? ((100 * n) / of).toLocaleString(looks.lang, { maximumFractionDigits: 1 }) + " %" : "");
const when = (iso) => (Date.parse(iso) ? new Date(iso).toLocaleString(looks.lang, { dateStyle: "medium", timeStyle: "short" }) : ""); // 1970: a link that leads nowhere has no time
const decimal = (text, digits) => Number(text).toLocaleString(looks.lang, { minimumFractionDigits: digits, maximumFractionDigits: digits });
const sizeOf = (film) => film.bytes === "" ? "" : fill("kilobytes", { n: count(Math.ceil(film.bytes / 1024)) });
const sentence = (film) => film.code === "" ? "" : facts.reasons[looks.lang][film.code] ?? film.reason;
const detailOf = (film) => film.reason.slice(film.code.length + 1).trim(); // the run's own words, in English

function el(tag, cls, ...children) { // an element; text goes in as text, so nothing in a file's name is ever markup
  const node = document.createElement(tag);
  if (cls) node.className = cls;
  node.append(...children.filter((c) => c !== null && c !== undefined));
  return node;
}
function button(label, act, pressed) {
  const node = el("button", "", label);
  node.type = "button";
  node.onclick = act;
  if (pressed !== undefined) node.setAttribute("aria-pressed", pressed);
  return node;
}
function chip(priority, label) {
  const node = el("span", "chip " + (priority || "unscored"));
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 10 10");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", MARK[priority]);
  svg.append(path);
  node.append(svg, label ?? t(priority));
  return node;
}
function longName(file, cls) { // elided in its middle: where films of one folder differ is at the end
  const at = Math.max(0, file.length - 16);
  const name = el("span", cls + " name", el("span", "a", file.slice(0, at)), el("span", "z", file.slice(at)));
  name.title = file;
  return name;
}

// ---- pictures: looked up only for the rows in view ----
const chunks = new Map();
function picture(film) {
  if (!facts.pictures || !film.priority) return null;
  const number = Math.floor(film.index / facts.chunk);
  if (!chunks.has(number)) {
    const block = $("pictures" + number);
    if (!block) return null; // still on its way
    chunks.set(number, block.textContent.split("\n"));
  }
  const [jpeg, map, order] = (chunks.get(number)[(film.index % facts.chunk) + 1] || "").split(" ");
  return jpeg ? { url: "data:image/jpeg;base64," + jpeg, map: map || "", order: order || "" } : null;
}
function orderOf(film) { // study date and accession number, where a site chose to show them
  const order = picture(film)?.order;
  const [date, accession] = order ? new TextDecoder().decode(Uint8Array.from(atob(order), (c) => c.charCodeAt(0))).split("|") : ["", ""];
  return [date ? new Date(`${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}T12:00`).toLocaleDateString(looks.lang, { dateStyle: "medium" }) : "", accession];
}
const largePicture = (film) => $("large" + film.index) ? "data:image/jpeg;base64," + $("large" + film.index).textContent : null;

function addressOf(film) { // as engine/report/viewer.py: nothing but digits and dots ever goes into an address
  let found = facts.viewer || "";
  for (const [place, uid] of [["study_uid", film.study], ["series_uid", film.series], ["sop_uid", film.sop]]) {
    if (!found.includes(`{${place}}`)) continue;
    if (!UID.test(uid)) return "";
    found = found.replaceAll(`{${place}}`, uid);
  }
  return found;
}
