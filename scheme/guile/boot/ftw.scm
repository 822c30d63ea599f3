;;; Walks over trees of files: (ice-9 ftw).
;;;
;;; Directories are read in the order in which the system gives their entries,
;;; and visited as in Guile: a fold takes the files as they come and then the
;;; directories, last one first; ftw and nftw take all entries last one first.

(define* (scandir name #:optional (select? (lambda (entry) #t)) (less? string<?))
  "Return the names in the directory called NAME for which SELECT? holds,
sorted by LESS?, or #f when it cannot be read."
  (let ((names (false-if-exception-procedure (lambda () (%directory-entries name)))))
    (and names
         (sort (filter select? names) less?))))

(define* (file-system-fold enter? leaf down up skip error initial name
                           #:optional (stat lstat))
  "Walk the tree at NAME and thread a result, INITIAL at first, through LEAF,
DOWN, UP, SKIP and ERROR, called with path, stat and result; ERROR also with the
error number before the result."
  (%file-system-fold enter? leaf down up skip error initial name stat (%visited?-proc)))

(define (%file-system-fold enter? leaf down up skip error result path stat visited?)
  (let ((found (%stat-or-errno stat path)))
    (cond
     ((integer? found)
      (error path #f found result))
     ((not (eq? (stat:type found) 'directory))
      (leaf path found result))
     ;; Where links are followed they may lead back.
     ((visited? found path)
      result)
     ((not (enter? path found result))
      (skip path found result))
     (else
      (let ((entries (%entries-or-errno path)))
        (if (integer? entries)
            (error path found entries result)
            (let loop ((entries entries)
                       (directories '())
                       (result (down path found result)))
              (if (null? entries)
                  (let descend ((directories directories) (result result))
                    (if (null? directories)
                        (up path found result)
                        (descend (cdr directories)
                                 (%file-system-fold enter? leaf down up skip error result
                                                    (car directories) stat visited?))))
                  (let* ((below (string-append path "/" (car entries)))
                         (found (%stat-or-errno stat below)))
                    (cond
                     ((integer? found)
                      (loop (cdr entries) directories (error below #f found result)))
                     ((eq? (stat:type found) 'directory)
                      (loop (cdr entries) (cons below directories) result))
                     (else
                      (loop (cdr entries) directories (leaf below found result)))))))))))))

(define (%stat-or-errno stat path)
  (catch 'system-error
    (lambda () (stat path))
    (lambda arguments (system-error-errno arguments))))

(define (%entries-or-errno path)
  (catch 'system-error
    (lambda ()
      (remove (lambda (entry) (or (string=? entry ".") (string=? entry "..")))
              (%directory-entries path)))
    (lambda arguments (system-error-errno arguments))))

(define* (file-system-tree name #:optional (enter? (lambda (path stat) #t)) (stat lstat))
  "Return the tree at NAME as lists of name, stat and children, or #f."
  ;; The result is the list of the trees beside the one at hand, per level.
  (define (node path found children)
    (cons* (basename path) found children))
  (define (leaf path found levels)
    (cons (cons (node path found '()) (car levels)) (cdr levels)))
  (define (up path found levels)
    (cons (cons (node path found (car levels)) (cadr levels)) (cddr levels)))
  (let ((trees (file-system-fold (lambda (path found levels) (enter? path found))
                                 leaf
                                 (lambda (path found levels) (cons '() levels))
                                 up
                                 leaf
                                 (lambda (path found errno levels)
                                   (if (string=? path name)
                                       levels
                                       (leaf path found levels)))
                                 '(()) name stat)))
    (and (pair? (car trees))
         (caar trees))))

;;; The walks of ftw and nftw.

(define (%visited?-proc)
  "Return a procedure that tells whether it has been called before with a stat of
the same file, or with its path where the system does not number files."
  (let ((seen (make-hash-table 211)))
    (lambda (found path)
      (let ((id (if (zero? (stat:ino found))
                    path
                    (cons (stat:dev found) (stat:ino found)))))
        (or (hash-ref seen id)
            (begin (hash-set! seen id #t) #f))))))

(define (%file-and-flag path directory-flag stale-flag physical?)
  "Return the stat of PATH, or #f, and the flag for it: DIRECTORY-FLAG for a
directory that can be read, STALE-FLAG for a link that leads nowhere.  Other
links are followed unless PHYSICAL?."
  (define (flag found)
    (cond ((not (eq? (stat:type found) 'directory)) 'regular)
          ((access? path R_OK) directory-flag)
          (else 'directory-not-readable)))
  (let* ((found (false-if-exception-procedure (lambda () (lstat path))))
         (link? (and found (eq? (stat:type found) 'symlink)))
         (target (and link? (false-if-exception-procedure (lambda () (stat path))))))
    (cond ((not found) (values #f 'invalid-stat))
          ((not link?) (values found (flag found)))
          ((not target) (values found stale-flag))
          (physical? (values found 'symlink))
          (else (values target (flag target))))))

(define (%walk-start name)
  "Return NAME without the slash at its end."
  (if (and (> (string-length name) 1) (string-suffix? "/" name))
      (string-drop-right name 1)
      name))

(define (%entries-of path)
  "Return the entries of the directory at PATH in the order of ftw."
  (reverse (remove (lambda (entry) (or (string=? entry ".") (string=? entry "..")))
                   (%directory-entries path))))

(define (ftw start procedure . options)
  "Call PROCEDURE with name, stat and flag of every file below START, until it
returns something that is not #t; return that or #t."
  (call-with-escape-continuation
   (lambda (return)
     (define visited? (%visited?-proc))
     (let walk ((path (%walk-start start)))
       (call-with-values
           (lambda () (%file-and-flag path 'directory 'symlink #f))
         (lambda (found flag)
           (unless (and found (visited? found path))
             (let ((result (procedure path found flag)))
               (unless (eq? result #t) (return result)))
             (when (eq? flag 'directory)
               (for-each (lambda (entry) (walk (string-append path "/" entry)))
                         (%entries-of path)))))))
     #t)))

(define (nftw start procedure . options)
  "Call PROCEDURE with name, stat, flag, base and level of every file below
START, until it returns something that is not #t; return that or #t.

OPTIONS are symbols: depth visits what is in a directory before it, physical
does not follow links, mount stays on the device of START, chdir calls
PROCEDURE in the directory of the file."
  (define depth? (memq 'depth options))
  (define physical? (memq 'physical options))
  (define home (getcwd))
  (define device
    (and (memq 'mount options)
         (false-if-exception-procedure (lambda () (stat:dev (lstat start))))))
  (define (enter-directory path base)
    (let ((directory (substring path 0 base)))
      (cond ((not (absolute-file-name? start))
             (chdir (string-append home "/" directory)))
            ((> base 0) (chdir directory)))))
  (let ((result
         (call-with-escape-continuation
          (lambda (return)
            (define visited? (%visited?-proc))
            (let walk ((path (%walk-start start)) (base 0) (level 0))
              (call-with-values
                  (lambda ()
                    (%file-and-flag path (if depth? 'directory-processed 'directory)
                                    'stale-symlink physical?))
                (lambda (found flag)
                  (define (visit)
                    (when (memq 'chdir options) (enter-directory path base))
                    (let ((result (procedure path found flag base level)))
                      (when (memq 'chdir options) (chdir home))
                      (unless (eq? result #t) (return result))))
                  (define (visit-entries)
                    (when (memq flag '(directory directory-processed))
                      (for-each (lambda (entry)
                                  (walk (string-append path "/" entry)
                                        (+ (string-length path) 1)
                                        (+ level 1)))
                                (%entries-of path))))
                  (unless (and found
                               (or (visited? found path)
                                   (and device (not (= (stat:dev found) device)))))
                    (cond (depth? (visit-entries) (visit))
                          (else (visit) (visit-entries)))))))
            #t))))
    (chdir home)
    result))
