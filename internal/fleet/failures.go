package fleet

import (
	"errors"
	"fmt"
	"strings"
)

// failures gathers what went wrong in the many steps of a round. One master that does not answer fails the steps of all its partitions with the
// same words: they are told once, with how often.
type failures struct {
	first []error // one for each text
	times map[string]int
}

// add notes an error; nil is none. The errors of a joined one are noted one by one.
func (f *failures) add(err error) {
	if err == nil {
		return
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok && err.Error() == joinedText(many.Unwrap()) { // from errors.Join
		for _, one := range many.Unwrap() {
			f.add(one)
		}
		return
	}
	if f.times == nil {
		f.times = map[string]int{}
	}
	text := err.Error()
	if f.times[text]++; f.times[text] == 1 {
		f.first = append(f.first, err)
	}
}

func joinedText(errs []error) string {
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "\n")
}

// joined returns what was gathered as one error, in the order in which each came first; nil where nothing was.
func (f *failures) joined() error {
	errs := make([]error, len(f.first))
	for i, err := range f.first {
		errs[i] = err
		if n := f.times[err.Error()]; n > 1 {
			errs[i] = fmt.Errorf("%w (%d times)", err, n)
		}
	}
	return errors.Join(errs...)
}
