;;; The words with which a store is asked: `fruix-scm store WORD …' on the
;;; command line, `,refs' and its neighbours at the prompt.
;;;
;;; A word takes a system and texts.  Its answer is an association list, or rows:
;;; a list of association lists with the same keys.  So a word has one meaning
;;; wherever it is used, and lines, tables and JSON are ways to show an answer.

(define-module (fruix store words)
  #:use-module (fruix digest)
  #:use-module (fruix json)
  #:use-module (fruix store)
  #:use-module (fruix store metadata)
  #:use-module (fruix store system)
  #:use-module (ice-9 format)
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-11)
  #:use-module (srfi srfi-13)
  #:export (store-answer
            answer->lines
            answer->json
            answer-failed?))

(define (store-answer system word arguments)
  "Return what SYSTEM answers to WORD, a symbol, with ARGUMENTS, a list of
strings: an association list, or a list of them.

Throw 'store-error when an item is not there."
  (match (assq-ref %words word)
    ((least most procedure)
     (unless (<= least (length arguments) most)
       (metadata-error 'store-answer
                       (format #f "cannot ask `~a` with ~a argument~:p: it takes ~a"
                               word (length arguments)
                               (cond ((= least most) least)
                                     (else (format #f "~a to ~a" least most))))))
     (apply procedure system arguments))
    (_
     (metadata-error 'store-answer
                     (string-append "cannot ask a store `"
                                    (symbol->string word) "`")
                     #:hint (string-join
                             (map (lambda (entry) (symbol->string (car entry)))
                                  %words)
                             " ")))))

(define (paths->rows paths)
  (map (lambda (path) `((path . ,path))) paths))

(define (items system)
  (paths->rows (store-items #:store (system-store system))))

(define (with-item procedure)
  (lambda* (system #:optional (item "current"))
    (paths->rows (procedure (system-find system item)
                            #:store (system-store system)))))

(define* (referrers system #:optional (item "current"))
  ;; An item that cannot be read may refer to it, too.
  (let ((store (system-store system)))
    (append (map (lambda (path) `((path . ,path) (verdict . #f) (detail . #f)))
                 (store-referrers (system-find system item) #:store store))
            (map (match-lambda
                   ((path . why)
                    `((path . ,path) (verdict . unread) (detail . ,why))))
                 (store-unread-items #:store store)))))

(define (present-items system)
  "Return the items of SYSTEM's store as a list, and a predicate of being one."
  (let ((items (store-items #:store (system-store system)))
        (there (make-hash-table)))
    (for-each (lambda (path) (hash-set! there path #t)) items)
    (values items (lambda (path) (hash-ref there path)))))

(define* (sizes system #:optional (item "current"))
  ;; The heaviest first; equals by path, so that the order is always the same.
  (let*-values (((_ present?) (present-items system))
                ((closure)
                 (filter present?
                         (store-closure (system-find system item)
                                        #:store (system-store system))))
                ((rows) 
                 (map (lambda (path bytes) `((bytes . ,bytes) (path . ,path)))
                      closure
                      ((system-sizes system) closure))))
    (append (sort rows
                  (lambda (one other)
                    (> (assq-ref one 'bytes) (assq-ref other 'bytes))))
            `(((bytes . ,(fold + 0 (map (lambda (row) (assq-ref row 'bytes)) rows)))
               (path . "total"))))))

(define (why-depends system item other)
  (let ((item (system-find system item))
        (other (system-find system other)))
    (paths->rows
     (or (store-why-depends item other #:store (system-store system))
         (metadata-error 'why-depends
                         (string-append "`" item "` does not depend on `" other "`")
                         #:hint "the other way round?")))))

(define* (changes system before #:optional after)
  ;; Of two closures: what goes, what comes, what is there in another build.
  (let* ((changes (if after
                      (store-changes (system-find system before)
                                     (system-find system after)
                                     #:store (system-store system))
                      (store-changes (system-current system)
                                     (system-find system before)
                                     #:store (system-store system))))
         (rows (lambda (change paths)
                 (map (lambda (path) `((change . ,change) (path . ,path) (becomes . #f)))
                      paths))))
    (append (map (match-lambda
                   ((before . after)
                    `((change . changed) (path . ,before) (becomes . ,after))))
                 (assq-ref changes 'changed))
            (rows 'removed (assq-ref changes 'removed))
            (rows 'added (assq-ref changes 'added)))))

(define* (source system #:optional (closure "current"))
  (let* ((layout (system-layout system closure))
         (store (source-store layout))
         (info (system-source-info system store))
         (declared (or (metadata-ref info 'declared-source) '()))
         (said (lambda (metadata key)
                 (match (metadata-scalar (or (metadata-ref metadata key) '()))
                   ((? string? text) text)
                   ((? symbol? name) (symbol->string name))
                   (_ #f)))))
    `((source-store . ,store)
      (source-root . ,(source-root layout
                                   #:exists? (lambda (file)
                                               ((system-read system) file))))
      (kind . ,(said declared 'kind))
      (from . ,(or (said declared 'path) (said declared 'url)))
      (ref . ,(or (said declared 'commit) (said declared 'ref)))
      (recorded-sha256 . ,(said info 'source-tree-sha256)))))

(define (generations system)
  (map (lambda (generation)
         `((generation . ,(generation-number generation))
           (closure . ,(generation-closure generation))
           (mark . ,(cond ((generation-current? generation) 'current)
                          ((generation-rollback? generation) 'rollback)
                          (else #f)))))
       (system-generations system)))

(define (gc-roots system)
  (map (match-lambda
         ((place . path) `((root . ,place) (path . ,path))))
       (system-gc-roots system)))

(define (dead system)
  ;; What no root leads to.
  (paths->rows
   (store-dead (delete-duplicates
                (append (filter-map cdr (system-gc-roots system))
                        (filter-map generation-closure
                                    (system-generations system))))
               #:store (system-store system))))

(define (native-builds system)
  (append
   (map (lambda (build)
          `((build . ,(native-build-run-id build))
            (mark . ,(if (native-build-latest? build) 'latest #f))
            (artifacts . ,(string-join (map basename (native-build-artifacts build))
                                       " "))
            (promoted . ,(pair? (native-build-promotion build)))))
        (system-native-builds system))
   (map (match-lambda
          ((path . _)
           `((build . ,path) (mark . #f) (artifacts . #f) (promoted . #t))))
        (system-native-objects system))))

(define (parts system path)
  `((hash . ,(store-path-hash path))
    (name . ,(store-path-name path))
    (package . ,(store-path-package path))
    (version . ,(store-path-version path))
    (output . ,(store-path-output path))
    (below . ,(store-path-below path))))

(define (record system)
  ;; As `fruix-scm hash' prints files and trees, relative to the system's root.
  (let ((items (store-items #:store (system-store system))))
    (map (lambda (path digest)
           (let* ((name (string-drop path 1))
                  (escaped (string-escape name)))
             `((sha256 . ,(string-append (if (string=? name escaped) "" "\\")
                                         (car digest)))
               (path . ,(string-append escaped
                                       (if (eq? 'tree (cdr digest)) "/" ""))))))
         items
         ((system-digests system) items))))

(define (string-escape name)
  "Return NAME as sha256sum writes one with a backslash."
  (string-join (string-split name #\\) "\\\\"))

(define (string-unescape name)
  (let loop ((chars (string->list name)) (plain '()))
    (match chars
      ((#\\ #\\ . rest) (loop rest (cons #\\ plain)))
      ((char . rest) (loop rest (cons char plain)))
      (() (list->string (reverse plain))))))

(define (read-record file)
  "Return the association list from store paths to digests that FILE, which
`record' wrote, holds."
  (define (cannot line)
    (metadata-error 'verify
                    (string-append "cannot understand `" line "` in `" file "`")
                    #:hint "`fruix-scm store record` writes such a file"
                    #:file file))
  (define (entry line)
    (let* ((escaped? (string-prefix? "\\" line))
           (plain (if escaped? (string-drop line 1) line))
           (digits (or (string-skip plain char-set:hex-digit) 0)))
      (unless (and (= 64 digits)
                   (string-prefix? "  " (string-drop plain digits)))
        (cannot line))
      (let* ((name (string-trim-both (string-drop plain (+ digits 2)) #\/))
             (path (string-append "/" (if escaped? (string-unescape name) name))))
        (unless (store-path? path)
          (cannot line))
        (cons path (string-take plain digits)))))
  (unless (file-exists? file)
    (metadata-error 'verify (string-append "cannot read `" file "`: no such file")
                    #:hint "`fruix-scm store record` writes such a file"
                    #:file file))
  (map entry
       (remove string-null?
               (string-split (call-with-input-file file
                               (@ (ice-9 rdelim) read-string))
                             #\newline))))

(define* (verify system #:optional file)
  ;; Every item: is it as recorded in FILE, and is what it refers to there?
  (define (row path verdict detail)
    `((verdict . ,verdict) (path . ,path) (detail . ,detail)))
  (let-values (((items present?) (present-items system))
               ((recorded) (if file (read-record file) '()))
               ((known) (make-hash-table)))
    (define (check path)
      (match (hash-ref known path)
        (#f (if file (list (row path 'unrecorded #f)) '()))
        ((digest . found)
         (list (if (string=? digest found)
                   (row path 'ok #f)
                   (row path 'changed
                        (string-append "digest is " found ", recorded " digest)))))))
    (define (dangling path told)
      (if (string? told)
          (list (row path 'unread told))
          (map (lambda (reference)
                 (row path 'dangling
                      (string-append "refers to " reference
                                     ", which is not in the store")))
               (remove present? told))))
    (define (missing entry)
      (and (not (present? (car entry)))
           (row (car entry) 'missing "recorded, and not in the store")))
    (let ((there (filter (lambda (entry) (present? (car entry))) recorded)))
      (for-each (match-lambda*
                  (((path . digest) (found . kind))
                   (hash-set! known path (cons digest found))))
                there
                ((system-digests system) (map car there))))
    (append (append-map (match-lambda
                          ((path . told) (append (check path) (dangling path told))))
                        (store-all-references #:store (system-store system)))
            (filter-map missing recorded))))

(define (answer-failed? answer)
  "Return #t when ANSWER tells of something wrong, or of what could not be read."
  (any (lambda (row)
         (and (pair? (car row))
              (memq (assq-ref row 'verdict) '(changed missing dangling unread))
              #t))
       (if (record? answer) '() answer)))

(define (record? answer)
  (match answer
    ((((? symbol?) . _) . _) #t)
    (_ #f)))

(define %words
  ;; Each word with the least and the most arguments that it takes.
  `((items 0 0 ,items)
    (path 1 1 ,parts)
    (refs 0 1 ,(with-item store-references))
    (referrers 0 1 ,referrers)
    (closure 0 1 ,(with-item store-closure))
    (du 0 1 ,sizes)
    (why-depends 2 2 ,why-depends)
    (diff 1 2 ,changes)
    (source 0 1 ,source)
    (generations 0 0 ,generations)
    (roots 0 0 ,gc-roots)
    (dead 0 0 ,dead)
    (builds 0 0 ,native-builds)
    (record 0 0 ,record)
    (verify 0 1 ,verify)))

;;;
;;; Showing answers.
;;;

(define (shown value)
  (match value
    (#f "")
    (#t "yes")
    ((? string? text) text)
    ((? symbol? name) (symbol->string name))
    ((? number? number) (number->string number))))

(define (answer->lines answer)
  "Return ANSWER as a list of strings: an association list as KEY=VALUE lines, of
rows the values, two spaces between them."
  (if (record? answer)
      (map (match-lambda
             ((key . value) (string-append (json-key key) "=" (shown value))))
           answer)
      (map (lambda (row)
             (string-join (remove string-null?
                                  (map (match-lambda ((_ . value) (shown value)))
                                       row))
                          "  "))
           answer)))

(define (answer->json answer)
  "Return ANSWER as JSON text: an object, or an array of objects.  What is not
known is null."
  (define (object row)
    (scm->json (map (match-lambda ((key . value) (cons key (or value 'null))))
                    row)))
  (if (record? answer)
      (object answer)
      (string-append "[" (string-join (map object answer) ",\n ") "]")))
