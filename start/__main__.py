"""`python -m xscan`: what `xscan` runs, where its folder is not on the PATH."""

from xscan.cli.__main__ import main

if __name__ == "__main__":
    main()
