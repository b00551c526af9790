"""`xscan` and `python -m xscan.cli`: runs the app and turns errors into one line and an exit code."""

import gc
import sys


def main() -> None:
    """Exit codes: 0 done, 1 internal error, 2 usage, 3 too many failed films, 4 no usable engine,
    5 storage lost, 130 interrupted. See docs/output.md."""
    try:  # from the first import on: Ctrl-C may come at any time
        sys.exit(_run())
    except KeyboardInterrupt:
        from .terminal.failures import fail

        sys.exit(fail("interrupted", 130))
    except Exception as error:
        from .terminal.failures import failure

        sys.exit(failure(error))
    finally:
        from .terminal.streams import finish

        gc.freeze()  # what is left needs no looking through for garbage: a tenth of a second
        finish()


def _run() -> int:
    from .terminal.completion import asked, prepare
    from .terminal.streams import stand_in

    stand_in()
    if asked():
        prepare()
    elif sys.argv[1:2] == ["batch"] and not {"--help", "-h", "--help-all"} & set(sys.argv):
        from xscan.engine.batch import launch

        launch.begin()
    # Here and not above: the worker processes of a batch import this module again and need no commands.
    from .app import app

    return app(prog_name="xscan", standalone_mode=False) or 0  # it returns the code of a typer.Exit


if __name__ == "__main__":
    main()
