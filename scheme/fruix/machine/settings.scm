;;; What the settings say of one machine.
;;;
;;; The approved machine stands at the top of the settings; others stand by name in
;;; the section `machines', and what one of them does not say is as at the top.

(define-module (fruix machine settings)
  #:use-module (fruix settings)
  #:use-module (srfi srfi-1)
  #:export (machine-setting
            machine-setting-or
            machine-names
            insist-on-machine))

(define %only-its-own
  ;; What nobody has but itself.
  '(vm vdi guest/address))

(define (own-name name key)
  (string->symbol (string-append "machines/" name "/" (symbol->string key))))

(define (machine-setting name key)
  "Return what the settings say under KEY, a symbol such as `vm', of the machine called
NAME, a string, or #f for the approved one.

Throw 'settings-error when they say nothing."
  (cond ((not name) (setting key))
        ((setting-or (own-name name key) #f))
        ((memq key %only-its-own) (setting (own-name name key)))
        (else (setting key))))

(define (machine-setting-or name key default)
  "Return what `machine-setting' returns, or DEFAULT where the settings say nothing."
  (cond ((not name) (setting-or key default))
        ((setting-or (own-name name key) #f))
        ((memq key %only-its-own) default)
        (else (setting-or key default))))

(define (machine-names)
  "Return the names of the machines in the section `machines' of the settings, strings."
  (delete-duplicates
   (filter-map (lambda (entry)
                 (let ((words (string-split (symbol->string (car entry)) #\/)))
                   (and (string=? "machines" (car words))
                        (cadr words))))
               (settings))))

(define (insist-on-machine name)
  "Do nothing when the settings have a machine called NAME, a string, or NAME is #f.

Throw 'settings-error, which names those that there are, otherwise."
  (unless (or (not name)
              (machine-named? name))
    (throw 'settings-error 'boot-machine "~A"
           (list (string-append "there is no machine `" name "` in the settings; "
                                (if (null? (machine-names))
                                    "they name none"
                                    (string-append "they name "
                                                   (string-join (machine-names) ", ")))))
           '((hint . "write it under `machines', as docs/operating.md shows")))))
