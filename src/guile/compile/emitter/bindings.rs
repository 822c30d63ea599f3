//! Local variables: bound, boxed where they are set, and procedures that need no closure
//! made global.

use super::free_variables::{free_locals, free_of_lambda};
use super::{Emitter, Wanted};
use crate::compile::constants;
use crate::data::value::Value;
use crate::machine::procedures;
use crate::syntax::stx::Form;
use crate::tree_il::values::procedure_gives_several;
use crate::tree_il::{Core, Lambda, Lifted, Local};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::rc::Rc;

/// Say of the procedures among BINDINGS what they take and whether they give several values.
fn note_procedures(bindings: &[(Rc<Local>, Core)]) {
    let procedures: Vec<(&Local, &Lambda)> = bindings
        .iter()
        .filter_map(|(local, value)| match value {
            Core::Lambda(lambda) => Some((&**local, &**lambda)),
            _ => None,
        })
        .collect();
    for (local, lambda) in &procedures {
        local.gives_one.set(!local.assigned.get());
        *local.takes.borrow_mut() = Some((lambda.takes(), procedures::shown(local.name, lambda)));
    }
    // Those that call each other give one value unless one of them does not.
    loop {
        let mut changed = false;
        for (local, lambda) in &procedures {
            if local.gives_one.get() && procedure_gives_several(lambda) {
                local.gives_one.set(false);
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
}

/// Whether making the value of CORE may run what the program wrote.
fn runs_at_once(core: &Core) -> bool {
    !matches!(core, Core::Lambda(_) | Core::Constant(_) | Core::Machine(_))
}

/// Say of BINDINGS, made one after the other, which may be referred to before
/// they have their values: those that come later than a value that runs at once
/// and refers to them, through procedures or not. REACH is what each refers to.
fn note_early(bindings: &[(&Rc<Local>, &Core)], reach: &[BTreeMap<u32, Rc<Local>>]) {
    let positions: BTreeMap<u32, usize> = bindings
        .iter()
        .enumerate()
        .map(|(position, (local, _))| (local.number, position))
        .collect();
    for (position, (_, value)) in bindings.iter().enumerate() {
        if !runs_at_once(value) {
            continue;
        }
        let mut seen = vec![false; bindings.len()];
        let mut next = vec![position];
        while let Some(from) = next.pop() {
            for number in reach[from].keys() {
                if let Some(other) = positions.get(number).copied()
                    && !std::mem::replace(&mut seen[other], true)
                {
                    next.push(other);
                }
            }
        }
        for (other, (local, _)) in bindings.iter().enumerate().skip(position) {
            if seen[other] {
                local.early.set(true);
            }
        }
    }
}

/// A local procedure that becomes a global of the machine, and what it refers to.
struct Liftable<'a> {
    local: &'a Rc<Local>,
    lambda: &'a Lambda,
    free: BTreeMap<u32, Rc<Local>>,
}

/// Those of BINDINGS that become globals, and the rest. A procedure does when it is only
/// ever called, since it can be given what it refers to; or when it refers to nothing
/// around it, so that one is as good as one each time.
fn liftable(bindings: &[(Rc<Local>, Core)]) -> (Vec<Liftable<'_>>, Vec<(&Rc<Local>, &Core)>) {
    let mut procedures = Vec::new();
    let mut kept = Vec::new();
    for (local, value) in bindings {
        match value {
            Core::Lambda(lambda) if !local.assigned.get() => {
                let mut free = BTreeMap::new();
                free_of_lambda(lambda, &mut free);
                procedures.push(Liftable {
                    local,
                    lambda,
                    free,
                });
            }
            _ => kept.push((local, value)),
        }
    }
    // What refers to closed procedures only is closed itself. What a value may ask for
    // before its turn has come is not there yet, as a global would be.
    let mut closed: BTreeSet<u32> = procedures.iter().map(|known| known.local.number).collect();
    for number in asked_for_early(bindings, &procedures) {
        closed.remove(&number);
    }
    let is_closed = |known: &Liftable, closed: &BTreeSet<u32>| {
        closed.contains(&known.local.number)
            && known.free.keys().all(|number| closed.contains(number))
    };
    loop {
        let before = closed.len();
        for known in &procedures {
            if !is_closed(known, &closed) {
                closed.remove(&known.local.number);
            }
        }
        if closed.len() == before {
            break;
        }
    }
    let (liftable, others): (Vec<_>, Vec<_>) = procedures
        .into_iter()
        .partition(|known| !known.local.escapes.get() || is_closed(known, &closed));
    if !others.is_empty() {
        let stays: BTreeSet<u32> = others.iter().map(|known| known.local.number).collect();
        kept = bindings
            .iter()
            .map(|(local, value)| (local, value))
            .filter(|(local, value)| {
                !matches!(value, Core::Lambda(_))
                    || local.assigned.get()
                    || stays.contains(&local.number)
            })
            .collect();
    }
    (liftable, kept)
}

/// The variables, by number, that a value of BINDINGS which runs at once refers to, itself
/// or by way of PROCEDURES, and that are bound after it.
fn asked_for_early(bindings: &[(Rc<Local>, Core)], procedures: &[Liftable]) -> BTreeSet<u32> {
    let mut asked = BTreeSet::new();
    for (position, (_, value)) in bindings.iter().enumerate() {
        let later = &bindings[position + 1..];
        if !runs_at_once(value) || !later.iter().any(|(_, value)| !runs_at_once(value)) {
            continue;
        }
        let mut free = BTreeMap::new();
        free_locals(value, &mut free);
        loop {
            let before = free.len();
            for known in procedures {
                if free.contains_key(&known.local.number) {
                    free.extend(known.free.clone());
                }
            }
            if free.len() == before {
                break;
            }
        }
        let later = later.iter().map(|(local, _)| local.number);
        asked.extend(later.filter(|number| free.contains_key(number)));
    }
    asked
}

/// What is wanted of the value of LOCAL.
fn wanted_for(local: &Local) -> Wanted {
    if local.holds_several.get() {
        Wanted::Result
    } else {
        Wanted::Value
    }
}

/// Whether CORE costs nothing to be looked at again.
pub(super) fn is_cheap(core: &Core) -> bool {
    match core {
        Core::Local(local) => !local.assigned.get(),
        Core::Constant(stx) => matches!(stx.form(), Form::Atom(Value::IntV(_) | Value::NumV(_))),
        _ => false,
    }
}

impl Emitter<'_> {
    /// The value of LOCAL.
    pub(super) fn local(&mut self, local: &Local) {
        if let Some(lifted) = &*local.lifted.borrow() {
            self.text.push_str(&lifted.global);
        } else if local.boxed.get() && local.early.get() {
            let (number, name) = (local.number, constants::number(local.name));
            let _ = write!(self.text, "(n.%has-value (#%prim.unbox b{number}) {name})");
        } else if local.boxed.get() {
            let _ = write!(self.text, "(#%prim.unbox b{})", local.number);
        } else {
            let _ = write!(self.text, "l{}", local.number);
        }
    }

    /// The machine's variable for LOCAL: the value, or the cell that holds it.
    pub(super) fn variable(&mut self, local: &Local) {
        let kind = if local.boxed.get() { 'b' } else { 'l' };
        let _ = write!(self.text, "{kind}{}", local.number);
    }

    pub(super) fn let_(&mut self, bindings: &[(Rc<Local>, Core)], body: &Core, wanted: Wanted) {
        note_procedures(bindings);
        let (liftable, kept) = liftable(bindings);
        for procedure in liftable {
            self.lift(vec![procedure]);
        }
        if kept.is_empty() {
            return self.core(body, wanted);
        }
        self.text.push_str("(let (");
        for (local, value) in kept {
            local.boxed.set(local.assigned.get());
            self.text.push('(');
            self.variable(local);
            self.text.push(' ');
            self.maybe_boxed(local, |this| this.core(value, wanted_for(local)));
            self.text.push(')');
        }
        self.text.push_str(") ");
        let numbers = self.numbers.len();
        for (local, value) in bindings {
            if !local.assigned.get() && self.is_number(value) {
                self.numbers.push(local.number);
            }
        }
        self.core(body, wanted);
        self.numbers.truncate(numbers);
        self.text.push(')');
    }

    pub(super) fn maybe_boxed(&mut self, local: &Local, value: impl FnOnce(&mut Self)) {
        if local.boxed.get() {
            self.text.push_str("(n.%box ");
            value(self);
            self.text.push(')');
        } else {
            value(self);
        }
    }

    /// `letrec*`. Procedures that are only called become globals; what nothing
    /// refers to before it has its value is a plain variable; the rest lives in
    /// cells. (Steel's own way, `set!` on a captured variable, goes wrong when
    /// the variable is called from within a `let`.)
    pub(super) fn letrec(&mut self, bindings: &[(Rc<Local>, Core)], body: &Core, wanted: Wanted) {
        note_procedures(bindings);
        let (liftable, kept) = liftable(bindings);
        // Cells first, because the lifted procedures may be given them.
        let mut early: Vec<BTreeMap<u32, Rc<Local>>> = Vec::new();
        let reach = |value: &Core| {
            let mut free = BTreeMap::new();
            free_locals(value, &mut free);
            // What the procedures it calls refer to, it refers to.
            loop {
                let before = free.len();
                for procedure in &liftable {
                    if free.contains_key(&procedure.local.number) {
                        free.extend(procedure.free.clone());
                    }
                }
                if free.len() == before {
                    return free;
                }
            }
        };
        for (position, (local, value)) in kept.iter().enumerate() {
            early.push(reach(value));
            let forward = early[..=position]
                .iter()
                .any(|free| free.contains_key(&local.number));
            local.boxed.set(local.assigned.get() || forward);
        }
        note_early(&kept, &early);
        // A `letrec` whose values all come first makes them in its body.
        if let Core::Let(values, _) = body {
            for (_, value) in values.iter().filter(|(_, value)| runs_at_once(value)) {
                let free = reach(value);
                kept.iter()
                    .filter(|(_, value)| matches!(value, Core::Machine(_)))
                    .filter(|(local, _)| free.contains_key(&local.number))
                    .for_each(|(local, _)| local.early.set(true));
            }
        }
        self.lift(liftable);
        let cells: Vec<_> = kept.iter().filter(|(local, _)| local.boxed.get()).collect();
        let mut open = 0;
        if !cells.is_empty() {
            self.text.push_str("(let (");
            for (local, _) in &cells {
                let _ = write!(self.text, "(b{} (n.%box %%unset))", local.number);
            }
            self.text.push_str(") ");
            open += 1;
        }
        for (local, value) in &kept {
            if local.boxed.get() {
                let _ = write!(self.text, "(#%prim.set-box! b{} ", local.number);
                self.core(value, wanted_for(local));
                self.text.push_str(") ");
            } else {
                let _ = write!(self.text, "(let ((l{} ", local.number);
                self.core(value, wanted_for(local));
                self.text.push_str(")) ");
                open += 1;
            }
        }
        self.core(body, wanted);
        for _ in 0..open {
            self.text.push(')');
        }
    }

    /// Make globals of procedures that may call each other.
    fn lift(&mut self, mut group: Vec<Liftable>) {
        // A procedure is also given what those it calls have to be given.
        loop {
            let mut changed = false;
            for index in 0..group.len() {
                for other in 0..group.len() {
                    if index != other && group[index].free.contains_key(&group[other].local.number)
                    {
                        let more = group[other].free.clone();
                        let before = group[index].free.len();
                        group[index].free.extend(more);
                        changed |= group[index].free.len() != before;
                    }
                }
            }
            if !changed {
                break;
            }
        }
        let members: Vec<u32> = group.iter().map(|member| member.local.number).collect();
        for Liftable { local, free, .. } in &mut group {
            let captured = std::mem::take(free)
                .into_values()
                .filter(|local| !members.contains(&local.number))
                .collect();
            *local.lifted.borrow_mut() = Some(Rc::new(Lifted {
                global: format!("f{}", local.number),
                captured,
            }));
        }
        for Liftable { local, lambda, .. } in group {
            let Some(lifted) = local.lifted.borrow().clone() else {
                continue;
            };
            let text = std::mem::take(&mut self.text);
            let places = std::mem::take(&mut self.places);
            let consequents = std::mem::take(&mut self.consequents);
            let _ = write!(self.text, "(define {} ", lifted.global);
            self.lambda_with(lambda, &lifted.captured);
            self.text.push_str(")\n");
            // What is only called is never asked for its name.
            if local.escapes.get() && self.is_known(lambda) {
                let number = Self::announced(local.name, lambda);
                let _ = writeln!(self.text, "(n.%named {} {number})", lifted.global);
            }
            let function = std::mem::replace(&mut self.text, text);
            let its_places = std::mem::replace(&mut self.places, places);
            self.consequents = consequents;
            self.functions.push((function, its_places));
        }
    }
}
