;;; geiser.el --- drive Geiser against fruix-scm  -*- lexical-binding: t -*-

;; Run as
;;
;;     emacs -Q --batch -L GEISER-DIRECTORY -l tests/editors/geiser.el
;;
;; with GEISER_TEST_BINARY, the program; GEISER_TEST_FILE, a Scheme file of the module
;; (tried), which tests/it/geiser.rs writes; and, to connect instead of starting the
;; program, GEISER_TEST_SOCKET.  It uses Geiser as its own commands do, and prints what
;; each brings as a line `NAME: VALUE'.  What is right is not known here.

(require 'cl-lib)
(require 'geiser)
(require 'geiser-guile)
(require 'geiser-mode)

(setq geiser-guile-binary (getenv "GEISER_TEST_BINARY")
      geiser-active-implementations '(guile)
      geiser-repl-query-on-kill-p nil
      geiser-repl-query-on-kill nil
      geiser-repl-save-debugging-history-p nil
      geiser-repl-history-filename nil
      geiser-mode-start-repl-p nil)

(defvar tried-file (getenv "GEISER_TEST_FILE"))

(defun tried-say (name value)
  "Print VALUE as what the step NAME has brought."
  (princ (format "%s: %s\n" name
                 (replace-regexp-in-string "\n" "\\\\n" (format "%s" value)))))

(defmacro tried (name &rest body)
  "Print what BODY returns, or its error, as what the step NAME has brought."
  `(tried-say ,name (condition-case error
                        (progn ,@body)
                      (error (format "error %S" error)))))

(defun tried-buffer (pattern)
  "Return the text of the buffer whose name matches PATTERN."
  (let ((buffer (cl-find-if (lambda (buffer)
                              (string-match-p pattern (buffer-name buffer)))
                            (buffer-list))))
    (if buffer
        (with-current-buffer buffer (substring-no-properties (buffer-string)))
      (format "no buffer %s" pattern))))

(defun tried-wait (seconds predicate)
  "Wait until PREDICATE holds, at most SECONDS; return what it says."
  (let ((end (+ (float-time) seconds)))
    (while (and (not (funcall predicate)) (< (float-time) end))
      (accept-process-output nil 0.1))
    (funcall predicate)))

(defun tried-repl ()
  (cl-find-if (lambda (buffer)
                (with-current-buffer buffer (derived-mode-p 'geiser-repl-mode)))
              (buffer-list)))

;; The prompt at the end of the buffer says whether all is well.
(defun tried-last-line ()
  (with-current-buffer (tried-repl)
    (let ((inhibit-field-text-motion t))
      (save-excursion
        (goto-char (point-max))
        (buffer-substring-no-properties (line-beginning-position) (point-max))))))

(defun tried-in-file (&rest steps)
  (with-current-buffer (find-file-noselect tried-file)
    (unless (bound-and-true-p geiser-mode) (geiser-mode 1))
    (goto-char (point-min))
    (mapc #'funcall steps)))

(defun tried-go-behind (text)
  (goto-char (point-min))
  (search-forward text))

;;; Connect.
(tried "connected"
  (let ((socket (getenv "GEISER_TEST_SOCKET")))
    (save-window-excursion
      (if socket
          (geiser-connect-local 'guile socket)
        (if (fboundp 'geiser) (geiser 'guile) (run-geiser 'guile))))
    (and (tried-repl) t)))
(tried "prompt after connecting" (tried-last-line))

(defun tried-retort (code)
  "Return what Geiser is told about CODE, asked in the module of the file."
  (with-current-buffer (find-file-noselect tried-file)
    (unless (bound-and-true-p geiser-mode) (geiser-mode 1))
    (geiser-eval--send/wait (list :eval code '(tried)))))

(defun tried-ask (code)
  "Return the result of CODE."
  (let ((retort (tried-retort code)))
    (if (geiser-eval--retort-error retort)
        (format "error %S" retort)
      (geiser-eval--retort-result retort))))

;;; Load file, then evaluate in its module.
(tried "load file"
  (tried-in-file (lambda () (save-window-excursion (geiser-load-file tried-file))))
  (accept-process-output nil 0.2)
  (tried-ask '(:scm "(twice 21)")))
(tried "evaluate" (tried-ask '(:scm "(begin (display \"printed\") (* 6 7))")))
(tried "evaluate a definition"
  (tried-in-file
   (lambda ()
     (tried-go-behind "(define (thrice x)")
     (save-window-excursion (geiser-eval-definition))))
  (tried-ask '(:scm "(thrice 5)")))
(tried "evaluate the last expression"
  (tried-in-file
   (lambda ()
     (goto-char (point-max))
     (insert "(twice 4)")
     (save-window-excursion (geiser-eval-last-sexp nil))
     (set-buffer-modified-p nil)))
  "done")

;;; What is known of names.
(tried "completions"
  (tried-in-file)
  (with-current-buffer (find-file-noselect tried-file)
    (geiser-completion--complete "string-pad" nil)))
(tried "completions of the module"
  (with-current-buffer (find-file-noselect tried-file)
    (geiser-completion--complete "twi" nil)))
(tried "completions of modules"
  (with-current-buffer (find-file-noselect tried-file)
    (geiser-completion--complete "(ice-9 regex" t)))
(tried "autodoc"
  (with-current-buffer (find-file-noselect tried-file)
    (let ((signature (tried-ask '(:ge autodoc '(twice)))))
      (substring-no-properties (geiser-autodoc--str '(twice) (cdar signature))))))
(tried "autodoc of keywords"
  (with-current-buffer (find-file-noselect tried-file)
    (let ((signature (tried-ask '(:ge autodoc '(offered)))))
      (substring-no-properties (geiser-autodoc--str '(offered) (cdar signature))))))
(tried "documentation"
  (with-current-buffer (find-file-noselect tried-file)
    (save-window-excursion (geiser-doc-symbol 'twice))
    (tried-buffer "Geiser [Dd]oc")))
(tried "documentation of a module"
  (with-current-buffer (find-file-noselect tried-file)
    (save-window-excursion (geiser-doc-module '(tried)))
    (tried-buffer "Geiser [Dd]oc")))
(tried "location"
  (with-current-buffer (find-file-noselect tried-file)
    (save-window-excursion
      (geiser-edit-symbol 'twice nil (point-marker))
      (format "%s:%d" (file-name-nondirectory (buffer-file-name)) (line-number-at-pos)))))
(tried "location of a module"
  (with-current-buffer (find-file-noselect tried-file)
    (save-window-excursion
      (geiser-edit-module '(tried))
      (file-name-nondirectory (buffer-file-name)))))
(tried "expansion"
  (tried-ask '(:ge macroexpand (quote (:scm "(unless #f 1)")) :f)))

;;; Errors.
(defun tried-ask-wrong (text)
  (let ((retort (tried-retort (list :scm text))))
    (format "%s | %s"
            (geiser-eval--retort-error retort)
            (geiser-eval--retort-output retort))))
(tried "error" (tried-ask-wrong "(begin (display \"before\") (wrong 1))"))
(tried "error of a name" (tried-ask-wrong "(no-such-name 1)"))
(tried "evaluate after an error" (tried-ask '(:scm "(twice 8)")))
(tried "prompt after errors" (tried-last-line))

;;; At the prompt itself.
(defun tried-enter (text)
  (with-current-buffer (tried-repl)
    (geiser-repl--prepare-send)
    (goto-char (point-max))
    (insert text)
    (comint-send-input)))

(defun tried-shows (text)
  "Wait until the prompt's buffer holds TEXT; return whether it does."
  (tried-wait 20 (lambda ()
                   (with-current-buffer (tried-repl)
                     (save-excursion
                       (goto-char (point-min))
                       (and (search-forward text nil t) t))))))

(tried "entered"
  (tried-enter "(use-modules (tried))")
  (tried-enter "(twice 16)")
  (tried-shows "= 32"))

(unless (getenv "GEISER_TEST_SOCKET")
  (tried "interrupt"
    (tried-enter "(let loop () (loop))")
    (accept-process-output nil 1)
    (with-current-buffer (tried-repl)
      (interrupt-process (get-buffer-process (current-buffer)) t))
    (tried-shows "[1]>"))
  (tried "evaluate after an interrupt"
    (tried-enter ",q")
    (tried-wait 20 (lambda () (string-match-p "(guile-user)> \\'" (tried-last-line))))
    (tried-ask '(:scm "(twice 3)"))))

(kill-emacs 0)
