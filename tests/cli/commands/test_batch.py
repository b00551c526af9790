"""`xscan batch` as a user runs it: real processes, the shipped network, phantoms."""

import json
import os
import shutil
import uuid
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import onnx
import pytest

from ...conftest import Xscan
from .lists import POSIX, rows_of


def test_one_film_one_zip_or_several_paths(xscan: Xscan, folder: Path, tmp_path: Path) -> None:
    first, second, *_ = sorted(folder.iterdir())
    shutil.make_archive(str(tmp_path / "export"), "zip", folder, first.name)
    lines = {
        "film.csv": ([first], [first.name]),
        "zip.csv": ([tmp_path / "export.zip"], [f"export.zip/{first.name}"]),
        "both.csv": ([second, tmp_path / "export.zip"], [f"export.zip/{first.name}", f"films/{second.name}"]),
    }
    said = {}
    for name, (paths, files) in lines.items():
        done = xscan("batch", *paths, "--out", tmp_path / name, "--workers", 1)
        assert done.returncode == 0, done.stderr
        rows = rows_of(tmp_path / name)
        assert [row["file"] for row in rows] == files
        said |= {row["file"]: row["p_pneumonia"] for row in rows}
    assert said[first.name] == said[f"export.zip/{first.name}"]
    # Another choice of films is another list: nothing of the first is dropped.
    before = (tmp_path / "film.csv").read_bytes()
    done = xscan("batch", second, "--out", tmp_path / "film.csv")
    assert (done.returncode, (tmp_path / "film.csv").read_bytes()) == (2, before)
    assert "choose another --out" in done.stderr
    done = xscan("batch", first, tmp_path / "gone.dcm", "--out", tmp_path / "new.csv")
    assert (done.returncode, (tmp_path / "new.csv").exists()) == (2, False)


def test_every_file_gets_a_row(xscan: Xscan, folder: Path, tmp_path: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "notes.txt").write_text("no film")
    (folder / "sub" / "empty.dcm").touch()
    (folder / "torn.jpg").write_bytes(next(folder.glob("*.jp*g")).read_bytes()[:3000])
    out = tmp_path / "list.csv"
    run = xscan("batch", folder, "--out", out)
    assert run.returncode == 3, run.stderr
    assert run.stdout == ""
    rows = {row["file"]: row for row in rows_of(out)}
    assert len(rows) == 15
    assert rows["sub/notes.txt"]["status"] == "skipped"
    assert rows["sub/empty.dcm"]["reason"].startswith("empty")
    assert rows["torn.jpg"]["reason"].startswith("truncated")
    scored = [row for row in rows.values() if row["status"] in ("ok", "review")]
    assert len(scored) == 12
    for row in scored:
        assert float(row["p_normal"]) + float(row["p_pneumonia"]) == pytest.approx(1, abs=2e-4)
        assert row["priority"] in ("urgent", "review", "routine")
        assert row["model"].startswith(("seed@", "compact@"))
    assert "2 films failed" in run.stderr
    assert not [p for p in tmp_path.iterdir() if p.suffix in (".part", ".prev", ".lock", ".tmp")]


def test_a_second_run_does_nothing_and_a_changed_film_is_scored_again(
    xscan: Xscan, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "list.csv"
    xscan("batch", folder, "--out", out)
    first = out.read_bytes()
    again = xscan("batch", folder, "--out", out)
    assert "nothing new" in again.stderr
    assert out.read_bytes() == first
    films = sorted(folder.iterdir())
    films[3].unlink()
    shutil.copy(films[0], folder / "zz-new.bin")
    os.utime(films[1], (1_000_000_000, 1_000_000_000))
    run = xscan("batch", folder, "--out", out, "--json")
    assert json.loads(run.stdout)["kept"] == 10
    assert json.loads(run.stdout)["dropped"] == 1
    changed = {row["file"]: row for row in rows_of(out)}
    assert films[3].name not in changed
    assert changed[films[1].name]["modified"].startswith("2001-09-09")
    xscan("batch", folder, "--out", tmp_path / "fresh.csv")
    assert (tmp_path / "fresh.csv").read_bytes() == out.read_bytes()


def test_a_folder_with_one_bad_file_in_a_hundred_of_each_kind(xscan: Xscan, folder: Path, tmp_path: Path) -> None:
    rasters = [film for film in sorted(folder.iterdir()) if film.suffix != ".dcm"]
    for film in folder.glob("*.dcm"):
        film.unlink()  # copies of them would be doubles
    for i in range(100 - len(rasters)):
        shutil.copy(rasters[i % len(rasters)], folder / f"{i:03d}{rasters[i % len(rasters)].suffix}")
    (folder / "020.jpg").write_bytes(rasters[0].read_bytes()[:2000])
    (folder / "021.jpg").write_text("a letter")
    cv2.imwrite(str(folder / "022.png"), np.zeros((3000, 3000), np.uint8))
    denied = folder / "023.png"
    denied.write_bytes(rasters[1].read_bytes())
    denied.chmod(0)
    closed = 0 if os.access(denied, os.R_OK) else 1  # root may read it all the same
    arguments = ["batch", folder, "--max-megapixels", "5"]
    run = xscan(*arguments, "--out", tmp_path / "list.csv")
    assert run.returncode == 3, run.stderr
    rows = {row["file"]: row for row in rows_of(tmp_path / "list.csv")}
    assert sorted(rows) == sorted(film.name for film in folder.iterdir())
    assert [rows[f"02{i}.{kind}"]["status"] for i, kind in ((0, "jpg"), (1, "jpg"), (2, "png"))] == [
        "failed",
        "skipped",
        "failed",
    ]
    assert (rows["023.png"]["status"] == "failed") == bool(closed)
    assert sum(row["status"] == "failed" for row in rows.values()) == 2 + closed
    assert xscan(*arguments, "--out", tmp_path / "budget.csv", "--max-failures", "4%").returncode == 0


def test_doubles_of_a_film_are_skipped(xscan: Xscan, folder: Path, tmp_path: Path) -> None:
    film = next(folder.glob("*.dcm"))
    shutil.copy(film, folder / "zz-double")
    out = tmp_path / "list.csv"
    assert xscan("batch", folder, "--out", out).returncode == 0
    last = rows_of(out)[-1]
    assert (last["file"], last["status"], last["reason"].partition(":")[0]) == ("zz-double", "skipped", "duplicate")
    assert last["p_normal"] == ""


def test_shards_merge_to_the_whole_list(xscan: Xscan, folder: Path, tmp_path: Path) -> None:
    film = next(folder.glob("*.dcm"))
    shutil.copy(film, folder / "zz-double")
    xscan("batch", folder, "--out", tmp_path / "whole.csv")
    parts = [tmp_path / f"part{i}.csv" for i in (1, 2, 3)]
    for i, part in enumerate(parts, 1):
        xscan("batch", folder, "--out", part, "--shard", f"{i}/3")
    run = xscan("merge", tmp_path / "merged.csv", *parts)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "merged.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert xscan("merge", tmp_path / "merged.csv", *parts).returncode == 0  # the next night
    assert (tmp_path / "merged.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert xscan("merge", tmp_path / "whole.csv", *parts).returncode == 2  # a batch's own
    assert xscan("merge", tmp_path / "twice.csv", parts[0], parts[0]).returncode == 2
    assert not (tmp_path / "twice.csv").exists()
    for few, said in ((parts[:2], "shard 3/3 is missing"), ([tmp_path / "whole.csv", parts[0]], "whole folder")):
        run = xscan("merge", tmp_path / "few.csv", *few)
        assert run.returncode == 2
        assert said in run.stderr


def test_a_film_that_takes_too_long_costs_itself_and_not_the_night(
    xscan: Xscan, phantoms: Path, tmp_path: Path
) -> None:
    films = shutil.copytree(phantoms, tmp_path / "films")
    noise = np.random.default_rng(0).integers(0, 256, (4000, 4000), dtype=np.uint8)
    (films / "slow.j2k").write_bytes(imagecodecs.jpeg2k_encode(noise, reversible=True, level=0))
    run = xscan("batch", films, "--out", tmp_path / "list.csv", "--file-timeout", 1, "--workers", 1)
    assert run.returncode == 3, run.stderr
    reasons = {row["file"]: row["reason"].partition(":")[0] for row in rows_of(tmp_path / "list.csv")}
    assert reasons.pop("slow.j2k") == "timed-out"
    assert "timed-out" not in reasons.values()


def test_a_page_that_is_not_made_again_is_told(xscan: Xscan, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "list.csv"
    xscan("batch", folder, "--out", out, "--report")
    (tmp_path / "list.csv.films").mkdir()  # as of an interrupted run that was to make a page
    next(folder.glob("*.dcm")).unlink()
    run = xscan("batch", folder, "--out", out)
    assert f"{out.with_suffix('.html')} shows an earlier list" in run.stderr
    assert not (tmp_path / "list.csv.films").exists()
    assert "shows an earlier list" not in xscan("batch", folder, "--out", out).stderr  # nothing new


@pytest.mark.parametrize("scanned", [True, False], ids=["the scanned folder", "a folder beside the list"])
def test_a_folder_of_films_named_as_the_run_s_own_is_kept(
    xscan: Xscan, phantoms: Path, tmp_path: Path, scanned: bool
) -> None:
    out = tmp_path / "night.csv"
    films = Path(shutil.copytree(phantoms, tmp_path / "night.csv.films"))
    (films / "earlier.pictures").write_bytes(b"a letter, not a store of pictures")
    before = {path.name: path.read_bytes() for path in films.iterdir()}
    run = xscan("batch", films if scanned else phantoms, "--out", out)
    assert run.returncode == 2
    assert f"{films} holds {len(before)} files that xscan did not make" in run.stderr
    assert {path.name: path.read_bytes() for path in films.iterdir()} == before
    assert not out.exists()


@pytest.mark.skipif(not POSIX, reason="needs symbolic links")
def test_what_a_link_in_place_of_the_run_s_own_folder_leads_to_is_kept(
    xscan: Xscan, phantoms: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "1-2.pictures").touch()
    (tmp_path / "night.csv.films").symlink_to(elsewhere)
    run = xscan("batch", phantoms, "--out", tmp_path / "night.csv", "--report")
    assert run.returncode == 2
    assert "is in the way" in run.stderr
    assert (elsewhere / "1-2.pictures").exists()


def test_nothing_is_sent_nor_left_about_the_machine(xscan: Xscan, phantoms: Path, tmp_path: Path) -> None:
    """ONNX Runtime keeps an identifier and its events in the user's folder, unless it is told not to.

    What stands there is xscan's own: the history, its key and the audit log, and locks, which are empty.
    """
    home = tmp_path / "home"
    home.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "ORT_"))}
    environment |= {"HOME": str(home), "LOCALAPPDATA": str(home), "USERPROFILE": str(home)}
    run = xscan("batch", phantoms, "--out", tmp_path / "list.csv", env=environment)
    assert run.returncode == 0, run.stderr
    left = {path.name: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert set(left) - {"audit.jsonl.lock", "state.lock"} == {"history.sqlite", "key", "audit.jsonl"}
    assert not left.get("audit.jsonl.lock")
    assert not left.get("state.lock")
    for content in left.values():
        for told in (f"{uuid.getnode():012x}", str(tmp_path), str(phantoms), *(p.name for p in phantoms.iterdir())):
            assert told.encode() not in content
    [line] = left["audit.jsonl"].splitlines()
    known = {"n", "time", "who", "what", "prev", "state", "list", "engine", "network", "thresholds", "list_sha256"}
    assert set(json.loads(line)) == known | {"files", "status", "priority"}


def test_other_formats_hold_the_same_rows(xscan: Xscan, folder: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    out = tmp_path / "list.csv"
    assert xscan("batch", folder, "--out", out, "--format", "jsonl", "--format", "parquet").returncode == 0
    lines = [json.loads(line) for line in (tmp_path / "list.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["file"] for line in lines] == [row["file"] for row in rows_of(out)]
    assert parquet.read_table(tmp_path / "list.parquet").to_pylist() == lines
    assert lines[0]["p_pneumonia"] == float(rows_of(out)[0]["p_pneumonia"])


@pytest.fixture(scope="module")
def plain_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that runs but is none of ours."""
    info = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    output = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", [info], [output]), ir_version=8)
    path = tmp_path_factory.mktemp("onnx") / "plain.onnx"
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["{tmp}/nowhere"], 2, "cannot list the folder"),
        (["{films}", "--out", "{tmp}/no/list.csv"], 2, "does not exist"),
        (["{films}", "--out", "{tmp}"], 2, "is a folder"),
        (["{films}", "--out", "{tmp}/foreign.csv"], 2, "no triage list"),
        (["{films}", "--out", "{tmp}/foreign.csv", "--restart"], 2, "no triage list"),
        (["{films}", "--report-file", "{tmp}/foreign.csv"], 2, "no page of xscan"),
        (["{films}", "--log-file", "{tmp}/foreign.csv"], 2, "no log of xscan"),
        (["{films}", "--out", "{tmp}/a.csv", "--report-file", "{tmp}/a.csv"], 2, "name the same file"),
        (["{films}", "--engine", "nothing"], 4, "no engine 'nothing'"),
        (["{films}", "--engine", "{tmp}/foreign.csv"], 4, "ONNX Runtime can load"),
        (["{films}", "--engine", "{onnx}"], 4, "no xscan manifest"),
        (["{films}", "--max-failures", "many"], 2, "--max-failures"),
        (["{films}", "--shard", "5/4"], 2, "--shard"),
        (["{films}", "--format", "xls"], 2, "'xls' is not one of"),
        (["{films}", "--min-files", "13", "--out", "{tmp}/min.csv"], 2, "fewer than --min-files"),
        (["{tmp}/nothing", "--out", "{tmp}/none.csv"], 0, "no radiographs"),
    ],
)
def test_bad_input_ends_in_one_line(
    xscan: Xscan, phantoms: Path, plain_onnx: Path, tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    (tmp_path / "foreign.csv").write_text("a,b\n1,2\n")
    (tmp_path / "nothing").mkdir()
    before = {p.name for p in tmp_path.iterdir()}
    places = {"films": phantoms, "tmp": tmp_path, "onnx": plain_onnx}
    run = xscan("batch", *(a.format(**places) for a in arguments), cwd=tmp_path)
    assert run.returncode == code, run.stderr
    assert says in run.stderr
    assert "Traceback" not in run.stderr
    if code in (2, 4) and "--min-files" not in arguments:
        assert run.stderr.count("\n") == 1
        assert {p.name for p in tmp_path.iterdir()} == before


def test_an_output_made_with_other_settings_is_not_mixed(xscan: Xscan, phantoms: Path, tmp_path: Path) -> None:
    out = tmp_path / "list.csv"
    xscan("batch", phantoms, "--out", out)
    first = out.read_bytes()
    other = xscan("batch", phantoms, "--out", out, "--max-megapixels", "50")
    assert other.returncode == 2
    assert "--restart" in other.stderr
    assert out.read_bytes() == first
    assert xscan("batch", phantoms, "--out", out, "--max-megapixels", "50", "--restart").returncode == 0


def test_names_and_headers_stay_out_of_logs_and_reports(xscan: Xscan, folder: Path, tmp_path: Path) -> None:
    secret = "DOE^JANE=1990"
    film = next(folder.glob("*.dcm"))
    (folder / secret).mkdir()
    (folder / secret / f"{secret}.txt").write_text(secret)
    (folder / secret / "torn.dcm").write_bytes(film.read_bytes()[:5000])
    out, log = tmp_path / "list.csv", tmp_path / "log.txt"
    run = xscan("batch", folder, "--out", out, "-v", "--log-file", log, "--json")
    texts = [run.stderr, run.stdout, log.read_text(), (tmp_path / "list.csv.run.json").read_text()]
    for text in texts:
        assert secret not in text
        assert "PHANTOM^XSCAN" not in text
        assert "003Y" not in text
    assert "row 1: skipped: not-an-image" in log.read_text() or "row 2" in log.read_text()
    assert "003Y" not in out.read_text()


def test_keras_like_csv_and_runtime_agree(xscan: Xscan, folder: Path, tmp_path: Path) -> None:
    from xscan.engine.preprocess.to_input import to_input
    from xscan.engine.read.decode import read_path
    from xscan.engine.runtime.open import find_engine, open_runtime
    from xscan.engine.triage.odds import probabilities

    out = tmp_path / "list.csv"
    xscan("batch", folder, "--out", out, "--engine", "seed")
    runtime = open_runtime(find_engine("seed"))
    for row in rows_of(out):
        picture = to_input(read_path(folder / row["file"]).grey, runtime.manifest.input)
        p = probabilities(runtime.run(picture[None, :, :, None]), runtime.manifest.temperature)[0]
        assert np.allclose([float(row[f"p_{c}"]) for c in ("normal", "bacteria", "virus")], p, atol=1e-3)


@pytest.mark.data
def test_the_real_originals_are_all_scored(xscan: Xscan, real: Path, tmp_path: Path) -> None:
    out = tmp_path / "t.csv"
    assert xscan("batch", real / "originals", "--out", out).returncode == 0
    rows = rows_of(out)
    assert len(rows) == 240
    assert {row["status"] for row in rows} <= {"ok", "review"}


def test_a_film_too_large_is_refused(xscan: Xscan, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    cv2.imwrite(str(tmp_path / "films" / "large.png"), np.zeros((2000, 2000), np.uint8))
    run = xscan("batch", tmp_path / "films", "--out", tmp_path / "list.csv", "--max-megapixels", "3")
    assert run.returncode == 3
    assert rows_of(tmp_path / "list.csv")[0]["reason"].startswith("too-many-pixels")
