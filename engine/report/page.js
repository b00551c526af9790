"use strict";
// The morning page. Rows come as arrays (in the CSV's order), pictures as text in <script> blocks of CHUNK lines after
// this script, so that the list is painted before the browser has read them. Only the rows in view are in the document.
(() => {
  const $ = (id) => document.getElementById(id);
  const facts = JSON.parse($("facts").textContent);
  const COLUMNS = ["file", "status", "priority", "finding", "pn", "pb", "pv", "pp", "reason", "study", "series", "sop", "bytes", "modified", "seen"];
  const films = JSON.parse($("rows").textContent).map((cells, index) => {
    const film = { index };
    COLUMNS.forEach((name, i) => (film[name] = cells[i]));
    film.p = film.pp === "" ? -1 : Number(film.pp);
    film.code = film.reason.split(":", 1)[0];
    film.fresh = Boolean(facts.since && film.seen >= facts.since); // new tonight
    return film;
  });
  const BANDS = ["urgent", "review", "routine"];
  const RANK = { urgent: 0, review: 1, routine: 2, "": 3 };
  const MARK = { urgent: "M5 0L10 9H0Z", review: "M5 0L10 5L5 10L0 5Z", routine: "M5 .5A4.5 4.5 0 1 1 5 9.5A4.5 4.5 0 1 1 5 .5Z", "": "M0 4H10V6H0Z" };
  const scored = films.filter((f) => f.priority);
  const unscored = films.filter((f) => !f.priority);
  const failed = unscored.filter((f) => f.status === "failed");
  const state = { lang: facts.lang, band: "all", text: "", sort: "priority", down: false, studies: false, map: false, pick: null };
  let items = []; // what the list shows: {band, n} or {film, n}
  let tops = new Float64Array(1); // where each item begins, and where the last one ends

  // ---- small helpers ----
  const t = (key) => facts.strings[state.lang][key] ?? key;
  const fill = (key, values) => t(key).replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const count = (n) => n.toLocaleString(state.lang);
  const percent = (n, of) => (of ? ((100 * n) / of).toLocaleString(state.lang, { maximumFractionDigits: 1 }) + " %" : "");
  const when = (iso) => (iso ? new Date(iso).toLocaleString(state.lang, { dateStyle: "medium", timeStyle: "short" }) : "");
  const decimal = (text, digits) => Number(text).toLocaleString(state.lang, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  function el(tag, cls, ...children) { // an element; text goes in as text, so nothing in a file's name is ever markup
    const node = document.createElement(tag);
    if (cls) node.className = cls;
    node.append(...children.filter((c) => c !== null && c !== undefined));
    return node;
  }
  function chip(priority, label) {
    const node = el("span", "chip " + (priority || "unscored"));
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 10 10");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", MARK[priority]);
    svg.append(path);
    node.append(svg, label ?? t(priority));
    return node;
  }
  // In English the run's own sentence is the more exact one; other languages have one sentence for each code.
  const reasonText = (film) => film.reason === "" ? "" :
    (state.lang === "en" && film.reason.slice(film.code.length + 1).trim()) || facts.reasons[state.lang][film.code] || film.reason;

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
    const [jpeg, map] = (chunks.get(number)[(film.index % facts.chunk) + 1] || "").split(" ");
    return jpeg ? { url: "data:image/jpeg;base64," + jpeg, map: map || "" } : null;
  }
  function drawMap(canvas, map) { // "WxH:" and two hex digits a place: evidence for pneumonia, 128 is none
    const [size, hex] = map.split(":");
    const [w, h] = size.split("x").map(Number);
    const small = document.createElement("canvas");
    small.width = w; small.height = h;
    const image = new ImageData(w, h);
    for (let i = 0; i < w * h; i++) {
      const evidence = Math.max(0, parseInt(hex.substr(2 * i, 2), 16) - 128) / 127;
      image.data.set([255, 190 - 130 * evidence, 40, 190 * Math.sqrt(evidence)], 4 * i);
    }
    small.getContext("2d").putImageData(image, 0, 0);
    canvas.width = canvas.height = 256;
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(small, 0, 0, 256, 256);
  }

  // ---- which rows, in which order ----
  const KEYS = {
    priority: (f) => RANK[f.priority], finding: (f) => f.finding, p: (f) => -f.p, reason: (f) => f.reason || "\uffff",
    file: (f) => f.file, bytes: (f) => -Number(f.bytes), modified: (f) => f.modified, status: (f) => f.status,
  };
  const byUrgency = (a, b) => RANK[a.priority] - RANK[b.priority] || b.p - a.p || a.index - b.index;
  const haystack = (f) => (f.hay ??= [f.file, f.reason, f.finding, f.priority, f.status, f.study, f.sop].join("\n").toLowerCase());
  const studyOf = (f) => f.study || "film " + f.index;
  const lists = new Map(); // study -> its films, the most urgent first
  for (const film of [...scored].sort(byUrgency)) {
    if (!lists.has(studyOf(film))) lists.set(studyOf(film), []);
    lists.get(studyOf(film)).push(film);
  }
  const heads = new Set([...lists.values()].map((list) => list[0])); // the worst film of each study

  function choose() {
    const lost = state.band === "unscored";
    const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
    const found = (f) => words.every((w) => haystack(f).includes(w) || reasonText(f).toLowerCase().includes(w) || t(f.finding || "-").toLowerCase().includes(w));
    let chosen = lost ? unscored : scored;
    if (state.studies && !lost) chosen = chosen.filter((f) => heads.has(f) && lists.get(studyOf(f)).some(found));
    else if (words.length) chosen = chosen.filter(found);
    if (!lost && state.band !== "all") chosen = chosen.filter((f) => f.priority === state.band);
    const sort = lost && ["priority", "finding", "p"].includes(state.sort) ? "status" : state.sort;
    const key = KEYS[sort], sign = state.down ? -1 : 1;
    chosen = [...chosen].sort((a, b) => {
      const x = key(a), y = key(b);
      return sign * (x < y ? -1 : x > y ? 1 : 0) || byUrgency(a, b);
    });
    items = [];
    if (sort === "priority" || lost) { // a heading for each band, or for each kind of failure
      let last = null;
      for (const film of chosen) {
        const group = lost ? film.status : film.priority;
        if (group !== last) items.push((last = group, { band: group, n: 0 }));
        items.push({ film });
      }
      let heading = null;
      for (const item of items) if (item.band !== undefined) heading = item; else heading.n++;
    } else items = chosen.map((film) => ({ film }));
    const high = facts.pictures && !lost ? 68 : 44;
    tops = new Float64Array(items.length + 1);
    items.forEach((item, i) => (tops[i + 1] = tops[i] + (item.film ? high : 32)));
    document.body.classList.toggle("plain", !facts.pictures && !lost);
    document.body.classList.toggle("lost", lost);
    const shown = chosen.length;
    $("found").textContent = fill(lost ? "found_files" : state.studies ? "found_studies" : "found_films", { n: count(shown) });
    if (!state.pick || !chosen.includes(state.pick)) state.pick = chosen[0] ?? null;
  }

  // ---- the list: only what is in view is in the document ----
  const first = (y) => { let a = 0, b = items.length; while (a < b) { const m = (a + b) >> 1; if (tops[m + 1] <= y) a = m + 1; else b = m; } return a; };
  function draw() {
    const box = $("scroll"), sheet = $("sheet");
    sheet.style.height = tops[items.length] + "px";
    const nodes = [];
    for (let i = first(box.scrollTop - 200); i < items.length && tops[i] < box.scrollTop + box.clientHeight + 200; i++) nodes.push(node(items[i], i));
    if (!items.length) nodes.push(el("p", "empty", t("nothing")));
    sheet.replaceChildren(...nodes);
    if (state.pick) box.setAttribute("aria-activedescendant", "film" + state.pick.index);
  }
  function node(item, i) {
    const { film } = item;
    if (!film) {
      const line = el("div", "band " + (RANK[item.band] === undefined ? "unscored" : item.band), t(item.band), el("small", "", count(item.n)));
      line.style.top = tops[i] + "px";
      return line;
    }
    const line = el("div", "row item");
    line.id = "film" + film.index;
    line.style.top = tops[i] + "px";
    line.dataset.index = film.index;
    line.setAttribute("role", "option");
    line.setAttribute("aria-selected", film === state.pick);
    if (!film.priority) {
      line.append(el("span"), chip("", t(film.status)), el("span", "cut", film.file), el("span", "cut soft", reasonText(film)),
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
    const siblings = state.studies ? lists.get(studyOf(film)).length : 1;
    const name = el("span", "cut soft", film.file);
    name.title = film.file;
    const finding = el("span", "", t(film.finding));
    if (siblings > 1) finding.append(el("span", "more", fill("n_films", { n: siblings })));
    line.append(thumb, chip(film.priority), finding, el("span", "num", decimal(film.pp, 3)), stack(film), el("span", "two", reasonText(film)), name);
    return line;
  }
  function stack(film) {
    const bar = el("span", "stack wide");
    [film.pn, film.pb, film.pv].forEach((p, i) => { const part = el("i", "c" + i); part.style.width = 100 * p + "%"; bar.append(part); });
    bar.title = `${t("normal")} ${film.pn}, ${t("bacteria")} ${film.pb}, ${t("virus")} ${film.pv}`;
    return bar;
  }
  const sizeOf = (film) => film.bytes === "" ? "" : fill("kilobytes", { n: count(Math.ceil(film.bytes / 1024)) });

  function drawHead() {
    const lost = state.band === "unscored";
    const columns = lost ? [null, "status", "file", "reason", "bytes", "modified"] : [null, "priority", "finding", "p", "p_bars", "reason", "file"];
    $("head").replaceChildren(...columns.map((name) => {
      if (!name) return el("span");
      if (name === "p_bars") return el("span", "wide soft", t(name));
      const button = el("button", "", t("by_" + name) + (state.sort === name ? (state.down ? " ▼" : " ▲") : ""));
      button.type = "button";
      if (state.sort === name) button.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      button.onclick = () => { state.down = state.sort === name && !state.down; state.sort = name; refresh(true); };
      return button;
    }));
  }

  // ---- the film in hand ----
  function drawDetail() {
    const film = state.pick, box = $("detail");
    if (!film) return box.replaceChildren(el("p", "empty", t("nothing")));
    const parts = [];
    if (film.priority) parts.push(...scoredDetail(film));
    else parts.push(el("div", "verdict", chip("", t(film.status))), el("p", "why", reasonText(film)), el("p", "soft", t(film.status === "failed" ? "failed_advice" : "skipped_advice")));
    const list = el("dl", "facts");
    const pairs = [["by_file", film.file], ["by_reason", film.reason], ["study", film.study], ["series", film.series], ["sop", film.sop], ["by_bytes", sizeOf(film)], ["by_modified", when(film.modified)]];
    for (const [key, value] of pairs) if (value) list.append(el("dt", "", t(key)), el("dd", "", value));
    parts.push(list);
    const copy = el("button", "", t("copy"));
    copy.type = "button";
    copy.onclick = () => navigator.clipboard?.writeText(film.file).then(() => (copy.textContent = t("copied")));
    parts.push(el("div", "under", copy));
    box.replaceChildren(...parts);
  }
  function scoredDetail(film) {
    const parts = [], shown = picture(film);
    const view = el("div", "view");
    if (shown) {
      const sheet = el("span", "sheet2"), img = el("img");
      img.alt = fill("picture_of", { finding: t(film.finding) });
      img.src = shown.url;
      sheet.append(img);
      if (shown.map) {
        const canvas = el("canvas");
        canvas.id = "map"; canvas.hidden = !state.map;
        drawMap(canvas, shown.map);
        sheet.append(canvas);
        sheet.classList.add("mapped"); // under the pointer the map shows; a click keeps it
        sheet.onmouseenter = () => { canvas.hidden = false; };
        sheet.onmouseleave = () => { canvas.hidden = !state.map; };
        sheet.onclick = toggleMap;
      }
      view.append(sheet);
    } else view.append(el("p", "none", t(facts.pictures ? "no_picture" : "no_pictures")));
    parts.push(view);
    if (shown && shown.map) {
      const button = el("button", "", t(state.map ? "hide_map" : "show_map"));
      button.id = "mapbutton"; button.type = "button";
      button.setAttribute("aria-pressed", state.map);
      button.onclick = toggleMap;
      parts.push(el("div", "under", button, el("span", "soft", t("map_means"))));
    }
    parts.push(el("div", "verdict", chip(film.priority), el("span", "", t(film.finding)), el("span", "soft", decimal(film.pp, 3))));
    if (film.reason) parts.push(el("p", "why", reasonText(film)));
    parts.push(el("p", "soft", bandText(film)));
    const meters = el("div", "meters");
    [["pneumonia", film.pp, 3], ["bacteria", film.pb, 1], ["virus", film.pv, 2], ["normal", film.pn, 0]].forEach(([key, p, tone]) => {
      const meter = el("span", "meter"), bar = el("i", "c" + tone);
      bar.style.width = 100 * p + "%";
      meter.append(bar);
      if (tone === 3 && facts.points) for (const point of ["rule_out", "rule_in"]) {
        const tick = el("u");
        tick.style.left = `calc(${100 * facts.points[point].threshold}% - 1px)`;
        tick.title = `${t(point)} ${facts.points[point].threshold}`;
        meter.append(tick);
      }
      meters.append(el("span", "", t(key)), meter, el("span", "num", decimal(p, 3)));
    });
    parts.push(meters);
    const study = lists.get(studyOf(film));
    if (study.length > 1) {
      const strip = el("div", "strip");
      study.forEach((other, i) => {
        const button = el("button", other.priority), small = picture(other);
        button.type = "button";
        button.title = other.file;
        if (other === film) button.setAttribute("aria-current", "true");
        if (small) { const img = el("img", "film"); img.alt = String(i + 1); img.src = small.url; button.append(img); } else button.append(String(i + 1));
        button.onclick = () => { state.pick = other; drawDetail(); draw(); };
        strip.append(button);
      });
      parts.push(el("h3", "soft", fill("films_of_study", { n: study.length })), strip);
    }
    return parts;
  }
  function bandText(film) {
    if (!facts.points) return "";
    const { rule_out, rule_in } = facts.points;
    const values = { p: decimal(film.pp, 4), low: decimal(rule_out.threshold, 4), high: decimal(rule_in.threshold, 4) };
    if (film.p >= rule_in.threshold) return fill("why_urgent", values);
    if (film.status === "review") return fill("why_doubt", values);
    return fill(film.p < rule_out.threshold ? "why_routine" : "why_review", values);
  }
  function toggleMap() {
    state.map = !state.map;
    drawDetail();
  }

  // ---- the frame around the list ----
  function drawFrame() {
    document.documentElement.lang = state.lang;
    for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
    document.title = t("title") + " · " + facts.name;
    $("about").textContent = [facts.name, when(facts.made), facts.model].filter(Boolean).join(" · ");
    $("lang").textContent = state.lang === "en" ? "Español" : "English";
    $("search").placeholder = t("search");
    $("search").setAttribute("aria-label", t("search"));
    $("scroll").setAttribute("aria-label", t("title"));
    $("alarm").hidden = !failed.length;
    const go = el("button", "", t("see_them"));
    go.type = "button";
    go.onclick = () => band("unscored");
    $("alarm").replaceChildren(el("strong", "", fill("alarm", { n: count(failed.length) })), " ", t("alarm_more"), go);
    const tiles = [["all", scored.length], ...BANDS.map((b) => [b, scored.filter((f) => f.priority === b).length]), ["unscored", unscored.length]];
    $("tiles").replaceChildren(...tiles.map(([name, n]) => {
      const tile = el("button", "tile " + name, el("b", "", count(n)), el("span", "", t(name)), " ",
        el("small", "", name === "unscored" ? fill("lost_detail", { failed: count(failed.length), skipped: count(n - failed.length) }) : name === "all" ? "" : percent(n, scored.length)));
      tile.type = "button"; tile.dataset.band = name;
      tile.setAttribute("aria-pressed", state.band === name);
      tile.onclick = () => band(name);
      return tile;
    }));
    $("share").replaceChildren(...tiles.slice(1, 4).map(([name, n]) => { const part = el("i", name); part.style.flex = n; return part; }));
    $("grouping").replaceChildren(...[["films", false], ["studies", true]].map(([name, on]) => {
      const button = el("button", "", t("by_" + name));
      button.type = "button"; button.dataset.grouping = name;
      button.setAttribute("aria-pressed", state.studies === on);
      button.onclick = () => { state.studies = on; refresh(true); };
      return button;
    }));
    const keys = [["↑ ↓", "key_move"], ["0 1 2 3 4", "key_bands"], ["/", "key_search"], ["m", "key_map"], ["s", "key_studies"], ["l", "key_lang"], ["d", "key_theme"], ["?", "key_help"]];
    $("keylist").replaceChildren(...keys.flatMap(([key, text]) => [el("dt", "", el("kbd", "", key)), el("dd", "", t(text))]));
    const lines = [t("intended")];
    if (facts.points) for (const point of ["rule_out", "rule_in"]) {
      const { threshold, sensitivity, specificity } = facts.points[point];
      lines.push(fill(point + "_means", { threshold: decimal(threshold, 4), sensitivity: percent(sensitivity, 1), specificity: percent(specificity, 1) }));
    }
    lines.push(t(facts.pictures ? "names_in_pictures" : "no_pictures"), t("paths"), "xscan " + facts.version + ".");
    $("foot").textContent = lines.join(" ");
  }
  function refresh(toTop) {
    choose();
    if (toTop) $("scroll").scrollTop = 0;
    drawFrame(); drawHead(); draw(); drawDetail();
  }
  function band(name) { state.band = name; if (name === "unscored") state.sort = "status"; else if (["status", "bytes", "modified"].includes(state.sort)) state.sort = "priority"; state.down = false; refresh(true); }
  function language() { state.lang = state.lang === "en" ? "es" : "en"; refresh(false); }
  function theme() {
    const root = document.documentElement, dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  }
  function move(by) { // to the next film, over headings, and keep it in view
    const rows = items.map((item, i) => (item.film ? i : -1)).filter((i) => i >= 0);
    if (!rows.length) return;
    const at = rows.findIndex((i) => items[i].film === state.pick);
    const i = rows[Math.min(rows.length - 1, Math.max(0, at + by))];
    state.pick = items[i].film;
    const box = $("scroll"), above = i === rows[0] ? 0 : tops[i];
    if (above < box.scrollTop) box.scrollTop = above;
    else if (tops[i + 1] > box.scrollTop + box.clientHeight) box.scrollTop = tops[i + 1] - box.clientHeight;
    draw(); drawDetail();
  }

  // ---- hands ----
  $("scroll").addEventListener("scroll", draw, { passive: true });
  addEventListener("resize", draw);
  $("sheet").addEventListener("click", (event) => {
    const line = event.target.closest("[data-index]");
    if (!line) return;
    state.pick = films[Number(line.dataset.index)];
    draw(); drawDetail();
  });
  $("search").addEventListener("input", () => { state.text = $("search").value; refresh(true); });
  $("lang").onclick = language;
  $("theme").onclick = theme;
  $("help").onclick = () => $("keys").showModal();
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
    const typing = event.target === $("search");
    const page = Math.max(1, Math.floor($("scroll").clientHeight / 68) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -1e9, End: 1e9, j: 1, k: -1 };
    if (typing && event.key === "Escape") { $("search").value = state.text = ""; refresh(true); $("scroll").focus(); }
    else if (event.key in steps && !(typing && !["ArrowDown", "ArrowUp"].includes(event.key))) move(steps[event.key]);
    else if (typing) return;
    else if (event.key === "/") { $("search").focus(); $("search").select(); }
    else if ("01234".includes(event.key)) band(["all", ...BANDS, "unscored"][Number(event.key)]);
    else if (event.key === "m") toggleMap();
    else if (event.key === "s") { state.studies = !state.studies; refresh(true); }
    else if (event.key === "l") language();
    else if (event.key === "d") theme();
    else if (event.key === "?") $("keys").showModal();
    else return;
    event.preventDefault();
  });
  addEventListener("beforeprint", () => { // paper has no scrolling: every row that is chosen now, as a plain table
    const titles = ["", "priority", "finding", "p", "reason", "file"];
    const body = items.filter((item) => item.film).map(({ film }) => {
      const cells = [el("span", "box"), t(film.priority || film.status), t(film.finding || ""), film.pp, reasonText(film), film.file];
      return el("tr", "", ...cells.map((cell) => el("td", "", cell)));
    });
    $("paper").replaceChildren(el("caption", "", $("found").textContent), el("thead", "", el("tr", "", ...titles.map((name) => el("th", "", name && t("by_" + name))))), el("tbody", "", ...body));
  });
  addEventListener("afterprint", () => $("paper").replaceChildren());
  document.addEventListener("DOMContentLoaded", () => { draw(); drawDetail(); }); // the pictures are here now
  refresh(true);
})();
