"""What systemd keeps from a service of ours: systemd.exec(5). Texts only."""

#: What every systemd can do. A user's own has no privileges: what needs a namespace of its own is passed over there in
#: silence, and what takes capabilities away ends the night before it begins (218/CAPABILITIES).
_ALWAYS = """\
UMask=0027
NoNewPrivileges=yes
RestrictAddressFamilies={families}
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service landlock_create_ruleset landlock_add_rule landlock_restrict_self
SystemCallErrorNumber=EPERM
"""

#: What the machine's systemd can do besides. GPUs are let in by name. The history stands in /var/lib/xscan, for homes
#: are read-only; `[nights] state` of a settings file may name another folder.
_PRIVILEGED = """\
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths={folders}
StateDirectory=xscan
StateDirectoryMode=0700
Environment=XDG_STATE_HOME=%S
PrivateTmp=yes
DevicePolicy=closed
DeviceAllow=char-nvidia rw
DeviceAllow=char-nvidia-frontend rw
DeviceAllow=char-nvidia-uvm rw
DeviceAllow=char-nvidia-caps rw
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
RemoveIPC=yes
"""
_LOW_PORT = "AmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n"


def by_user(families: str = "AF_UNIX") -> str:
    """Lines of [Service] for a unit of a user's own systemd. families: kinds of sockets that it may open."""
    return _ALWAYS.format(families=families)


def by_system(folders: list[str], families: str = "AF_UNIX", *, low_port: bool = False) -> str:
    """Lines of [Service] for a unit of the machine's systemd. folders: that it writes in, if they are there."""
    # -: one that is not there is said by xscan, which can say what to do
    quoted = " ".join(f'"-{_escaped(folder)}"' for folder in folders)
    capabilities = _LOW_PORT if low_port else "CapabilityBoundingSet=\n"
    return by_user(families) + _PRIVILEGED.format(folders=quoted) + capabilities


def mounts_for(folders: list[str]) -> str:
    """A line of [Unit]."""
    return "RequiresMountsFor=" + " ".join(f'"{_escaped(folder)}"' for folder in folders) + "\n"


def _escaped(folder: str) -> str:
    return folder.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
