// Second part: what a reader has marked. Kept in this browser under a film's key, never sent; exported as a CSV for audit.
const marks = kept(local, "xscan.marks", {});
let marksLast = true;
const TRUTHS = ["normal", "pneumonia", "bacteria", "virus"];
const markOf = (film) => marks[(film.key ??= keyOf(film))] ?? {};
const isRead = (film) => Boolean(markOf(film).read);

function mark(film, change) {
  const merged = { ...markOf(film), ...change };
  for (const name of Object.keys(merged)) if (!merged[name]) delete merged[name];
  if (Object.keys(merged).length) marks[film.key] = merged;
  else delete marks[film.key];
  const others = kept(local, "xscan.marks", {}); // of another tab, meanwhile
  if (marks[film.key]) others[film.key] = marks[film.key];
  else delete others[film.key];
  Object.assign(marks, others);
  marksLast = keep(local, "xscan.marks", others);
}

function truthOf(film) { // what the reader says of it; '' where that is nothing
  const { read, disputed, truth } = markOf(film);
  if (truth) return truth;
  if (disputed) return film.finding === "normal" ? "pneumonia" : "normal";
  return read && !film.doubt ? film.finding : "";
}
const withTruth = () => scored.filter(truthOf);

// As engine/disk/hostile.py: no spreadsheet finds a formula, `xscan audit` takes the mark off again.
function csvCell(text) {
  const safe = text.replace(/(?<![^;\t\r\n])(?=['" \u00a0\u3000]*[=+\-@\t\r\n＝＋－＠﹦﹢﹣﹫])/g, "'");
  return /[",\r\n]/.test(safe) ? '"' + safe.replaceAll('"', '""') + '"' : safe;
}
function truthCsv() {
  const lines = withTruth().map((film) => [film.file, truthOf(film), markOf(film).note ?? ""].map(csvCell).join(","));
  return ["file,truth,note", ...lines].join("\n") + "\n";
}
function exportTruth() {
  const link = el("a");
  link.href = URL.createObjectURL(new Blob([truthCsv()], { type: "text/csv" }));
  link.download = "truth.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const markAgain = (film, change) => { mark(film, change); refresh(false); };
function markButtons(film) {
  const { read, disputed } = markOf(film);
  const buttons = [
    button("✓ " + t("read"), () => markAgain(film, { read: !read }), Boolean(read)),
    button("≠ " + t("disputed"), () => markAgain(film, { disputed: !disputed, read: true }), Boolean(disputed))];
  buttons[0].id = "markread";
  buttons[1].id = "markdisputed";
  return buttons;
}
function markTools(film) {
  const again = (change) => markAgain(film, change);
  const given = markOf(film), box = el("div", "marks");
  const choice = el("select");
  choice.id = "truth";
  for (const value of ["", ...TRUTHS]) {
    const option = el("option", "", t(value || "none_given"));
    option.value = value;
    option.selected = value === (given.truth ?? "");
    choice.append(option);
  }
  choice.onchange = () => again({ truth: choice.value, read: true });
  const note = el("input");
  note.id = "note"; note.type = "text";
  note.maxLength = 200;
  note.value = given.note ?? "";
  note.placeholder = t("note_hint");
  note.onchange = () => again({ note: note.value.trim() });
  box.append(el("label", "", t("your_finding"), choice), el("label", "wide", t("note"), note));
  if (!marksLast) box.append(el("p", "why", t("not_kept")));
  return box;
}
