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
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-11)
  #:export (store-answer
            answer->lines
            answer->json
            answer-failed?))

(define (store-answer system word arguments)
  "Return what SYSTEM answers to WORD, a symbol, with ARGUMENTS, a list of
strings: an association list, or a list of them.

Throw 'store-error when an item is not there."
  (apply (match (assq-ref %words word)
           ((? procedure? procedure) procedure)
           (_ (metadata-error 'store-answer
                              (string-append "cannot ask a store `"
                                             (symbol->string word) "`")
                              #:hint (string-join
                                      (map (lambda (entry)
                                             (symbol->string (car entry)))
                                           %words)
                                      " "))))
         system
         arguments))

(define (paths->rows paths)
  (map (lambda (path) `((path . ,path))) paths))

(define (items system)
  (paths->rows (store-items #:store (system-store system))))

(define (with-item procedure)
  (lambda* (system #:optional (item "current"))
    (paths->rows (procedure (system-find system item)
                            #:store (system-store system)))))

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
  (let-values (((items present?) (present-items system))
               ((live) (make-hash-table)))
    (for-each (lambda (path)
                (when (present? path)
                  (for-each (lambda (path) (hash-set! live path #t))
                            (store-closure path #:store (system-store system)))))
              (delete-duplicates
               (append (filter-map cdr (system-gc-roots system))
                       (filter-map generation-closure
                                   (system-generations system)))))
    (paths->rows (remove (lambda (path) (hash-ref live path)) items))))

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
  ;; As `fruix-scm hash' prints trees, relative to the system's root.
  (let ((items (store-items #:store (system-store system))))
    (map (lambda (path digest)
           `((sha256 . ,digest)
             (path . ,(string-append (string-drop path 1) "/"))))
         items
         ((system-digests system) items))))

(define (read-record file)
  "Return the association list from store paths to digests that FILE, which
`record' wrote, holds."
  (define (cannot line)
    (metadata-error 'verify
                    (string-append "cannot understand `" line "` in `" file "`")
                    #:hint "`fruix-scm store record` writes such a file"
                    #:file file))
  (unless (file-exists? file)
    (metadata-error 'verify (string-append "cannot read `" file "`: no such file")
                    #:hint "`fruix-scm store record` writes such a file"
                    #:file file))
  (map (lambda (line)
         (match (string-split line #\space)
           ((digest "" path)
            (let ((path (string-append "/" (string-trim-both path #\/))))
              (if (and (= 64 (string-length digest)) (store-path? path))
                  (cons path digest)
                  (cannot line))))
           (_ (cannot line))))
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
    (define (dangling path)
      (map (lambda (reference)
             (row path 'dangling
                  (string-append "refers to " reference
                                 ", which is not in the store")))
           (remove present? (store-references path #:store (system-store system)))))
    (define (missing entry)
      (and (not (present? (car entry)))
           (row (car entry) 'missing "recorded, and not in the store")))
    (let ((there (filter (lambda (entry) (present? (car entry))) recorded)))
      (for-each (match-lambda*
                  (((path . digest) found)
                   (hash-set! known path (cons digest found))))
                there
                ((system-digests system) (map car there))))
    (append (append-map (lambda (path) (append (check path) (dangling path)))
                        items)
            (filter-map missing recorded))))

(define (answer-failed? answer)
  "Return #t when ANSWER is that of `verify' and tells of something wrong."
  (any (lambda (row)
         (and (pair? (car row))
              (memq (assq-ref row 'verdict) '(changed missing dangling))
              #t))
       (if (record? answer) '() answer)))

(define (record? answer)
  (match answer
    ((((? symbol?) . _) . _) #t)
    (_ #f)))

(define %words
  `((items . ,items)
    (path . ,parts)
    (refs . ,(with-item store-references))
    (referrers . ,(with-item store-referrers))
    (closure . ,(with-item store-closure))
    (du . ,sizes)
    (why-depends . ,why-depends)
    (diff . ,changes)
    (source . ,source)
    (generations . ,generations)
    (roots . ,gc-roots)
    (dead . ,dead)
    (builds . ,native-builds)
    (record . ,record)
    (verify . ,verify)))

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
