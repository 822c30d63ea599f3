;;; Phase 20.2: a host-initiated native build of FreeBSD's base, on XCP-ng.
(use-modules (fruix harness))
