"""`xscan` and `python -m xscan.cli`: runs the app and turns errors into one line and an exit code."""

import gc
import os
import sys

from xscan.engine.errors import XscanError

from .terminal.streams import finish, stand_in


def main() -> None:
    """Exit codes: 0 done, 1 internal error, 2 usage, 3 too many failed films, 4 no usable engine,
    5 storage lost, 130 interrupted. See docs/output.md."""
    stand_in()
    if sys.argv[1:2] == ["batch"] and not {"--help", "-h"} & set(sys.argv):
        from xscan.engine.batch import launch

        launch.begin()
    # Here and not above: the worker processes of a batch import this module again and need no commands.
    from .app import app

    try:
        app(prog_name="xscan")
    except XscanError as error:
        print(f"xscan: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("xscan: interrupted", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if os.environ.get("XSCAN_TRACEBACK"):
            raise
        # A traceback can hold a path or a header value, so only the place in our code is printed.
        print(f"xscan: internal error: {_place(error)}", file=sys.stderr)
        print("xscan: set XSCAN_TRACEBACK=1 to see all of it (it may show file names)", file=sys.stderr)
        sys.exit(1)
    finally:
        gc.freeze()  # what is left needs no looking through for garbage: a tenth of a second
        finish()


def _place(error: Exception) -> str:
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = f"{os.path.basename(frame.tb_frame.f_code.co_filename)}:{frame.tb_lineno}" if frame else "?"
    return f"{type(error).__name__} at {where}"


if __name__ == "__main__":
    main()
