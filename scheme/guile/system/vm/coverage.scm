;;; Code coverage, which the machine does not measure.

(define-module (system vm coverage)
  #:export (with-code-coverage coverage-data? instrumented-source-files
            instrumented/executed-lines line-execution-counts
            procedure-execution-count coverage-data->lcov))

(define (not-measured procedure)
  (scm-error 'misc-error procedure "the machine does not measure coverage" '() #f))

(define (coverage-data? object)
  "Return #f: there are no such data."
  #f)

(define (with-code-coverage thunk)
  "Throw 'misc-error: coverage is not measured."
  (not-measured "with-code-coverage"))

(define (instrumented-source-files data)
  "Throw 'misc-error: coverage is not measured."
  (not-measured "instrumented-source-files"))

(define (instrumented/executed-lines data file)
  "Throw 'misc-error: coverage is not measured."
  (not-measured "instrumented/executed-lines"))

(define (line-execution-counts data file)
  "Throw 'misc-error: coverage is not measured."
  (not-measured "line-execution-counts"))

(define (procedure-execution-count data procedure)
  "Throw 'misc-error: coverage is not measured."
  (not-measured "procedure-execution-count"))

(define* (coverage-data->lcov data port #:key (modules #f))
  "Throw 'misc-error: coverage is not measured."
  (not-measured "coverage-data->lcov"))
