;;; What a maintainer has set: host, guest, approved machines.
;;;
;;; The values come from the settings file, FRUIX_* variables and options, or
;;; from the simulated host; docs/operating.md lists them.  A script asks for
;;; what it needs and is told what is missing, by name.

(define-module (fruix settings)
  #:use-module (fruix native settings)
  #:export (setting
            setting-or
            settings
            machine-named?
            take-over?))

(define (setting name)
  "Return the setting called NAME, a symbol such as 'host or 'guest/port: a
string, an integer or a list of strings.

Throw 'settings-error, which says where NAME was looked for, when it is not
set."
  (%setting-required (symbol->string name)))

(define (setting-or name default)
  "Return the setting called NAME, a symbol, or DEFAULT when it is not set."
  (or (%setting (symbol->string name)) default))

(define (settings)
  "Return every setting that is set, as an association list from symbols to
values, sorted by name."
  (%settings))

(define (machine-named? name)
  "Return #t when the settings have a machine called NAME, a string, in their section
`machines'."
  (%machine-named? name))

(define (take-over? run trouble)
  "Return #t when the option --take-over lets a machine be taken from RUN, the
identifier of a run: it names RUN, or names none and the user says so when asked,
for which TROUBLE, a string, is shown.

Throw 'usage-error when it names none and there is no terminal."
  (%take-over? run trouble))
