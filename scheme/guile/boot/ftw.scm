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
  (%file-system-fold enter? leaf down up skip error initial name name stat))

(define (%file-system-fold enter? leaf down up skip error result path name stat)
  (let ((found (%stat-or-errno stat path)))
    (cond
     ((integer? found)
      (error path #f found result))
     ((not (eq? (stat:type found) 'directory))
      (leaf path found result))
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
                                                    (in-vicinity path (car directories))
                                                    (car directories) stat))))
                  (let* ((below (in-vicinity path (car entries)))
                         (found (%stat-or-errno stat below)))
                    (cond
                     ((integer? found)
                      (loop (cdr entries) directories (error below #f found result)))
                     ((eq? (stat:type found) 'directory)
                      (loop (cdr entries) (cons (car entries) directories) result))
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
                                 (lambda (path found errno levels) levels)
                                 '(()) name stat)))
    (and (pair? (car trees))
         (caar trees))))

(define (%visited?-proc size)
  "Return a procedure that tells whether it has been called before with a stat of
the same file, or with its path where the system does not number files; SIZE is
a guess of how many there are."
  (let ((seen (make-hash-table size)))
    (lambda (found path)
      (let ((id (if (zero? (stat:ino found))
                    path
                    (cons (stat:dev found) (stat:ino found)))))
        (or (hash-ref seen id)
            (begin (hash-set! seen id #t) #f))))))

(define (ftw start procedure . options)
  "Call PROCEDURE with name, stat and flag of every file below START, until it
returns #f; return whether it never did."
  (call-with-current-continuation
   (lambda (return)
     (define visited? (%visited?-proc 211))
     (let walk ((path start))
       (let ((found (%stat-or-errno stat path)))
         (cond
          ((integer? found)
           (if (not (procedure path #f 'invalid-stat)) (return #f)))
          ((not (visited? found path))
           (let* ((directory? (eq? (stat:type found) 'directory))
                  (entries (and directory? (%entries-or-errno path)))
                  (flag (cond ((not directory?) 'regular)
                              ((integer? entries) 'directory-not-readable)
                              (else 'directory))))
             (if (not (procedure path found flag)) (return #f))
             (if (pair? entries)
                 (for-each (lambda (entry) (walk (in-vicinity path entry)))
                           (reverse entries))))))))
     #t)))

(define (nftw start procedure . options)
  "Call PROCEDURE with name, stat, flag, base and level of every file below
START, until it returns something that is not #t; return that or #t."
  (let ((depth? (memq 'depth options))
        (stat (if (memq 'physical options) lstat stat)))
    (call-with-current-continuation
     (lambda (return)
       (let walk ((path start) (level 0))
         (let* ((found (%stat-or-errno stat path))
                (base (let ((slash (string-rindex path #\/)))
                        (if slash (+ slash 1) 0)))
                (visit (lambda (flag)
                         (let ((result (procedure path (if (integer? found) #f found)
                                                  flag base level)))
                           (if (not (eq? result #t)) (return result))))))
           (cond
            ((integer? found) (visit 'invalid-stat))
            ((eq? (stat:type found) 'symlink) (visit 'symlink))
            ((not (eq? (stat:type found) 'directory)) (visit 'regular))
            (else
             (let ((entries (%entries-or-errno path)))
               (if (not depth?)
                   (visit (if (integer? entries) 'directory-not-readable 'directory)))
               (if (pair? entries)
                   (for-each (lambda (entry)
                               (walk (in-vicinity path entry) (+ level 1)))
                             (reverse entries)))
               (if depth? (visit 'directory-processed)))))))
       #t))))
