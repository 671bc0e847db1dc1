//! The people as they really are, and what happens to them.

use std::collections::BTreeMap;

use super::dice::Dice;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) mail: String,
    pub(super) first: String,
    pub(super) title: Option<String>,
    /// A key, perhaps of somebody who is not there.
    pub(super) manager: Option<String>,
    pub(super) status: Status,
    pub(super) record: Record,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Active,
    /// Here, and not to sign in.
    Inactive,
    /// Out of scope, where the config has one.
    External,
}

/// What the record is like, until somebody mends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record {
    Good,
    /// It cannot become a record; whose it is can be told.
    Rejected,
    /// So damaged that it seems to be somebody else's.
    Shifted,
    /// So damaged that it could be anybody's.
    Nameless,
    /// It becomes a record, and no account: the mail address is missing.
    Unmappable,
}

/// Everybody, and to whom something happened, in order: the log of a source that tells changes.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) people: BTreeMap<String, Person>,
    pub(super) log: Vec<String>,
    joined: u32,
    gone: Vec<(String, Person)>,
}

impl World {
    /// Somebody new.
    pub(super) fn join(&mut self, dice: &mut Dice) -> String {
        self.joined += 1;
        let key = format!("k{}", self.joined);
        let manager = dice.one_in(2).then(|| self.somebody(dice)).flatten();
        let person = Person {
            mail: format!("{key}@example.com"),
            first: format!("First{}", self.joined),
            title: dice.one_in(2).then(|| format!("Title {}", dice.below(4))),
            manager,
            status: Status::Active,
            record: Record::Good,
        };
        self.people.insert(key.clone(), person);
        self.log.push(key.clone());
        format!("{key} joins")
    }

    /// One thing of those that happen to people.
    pub(super) fn happen(&mut self, dice: &mut Dice) -> String {
        let what = dice.below(16);
        if what < 3 {
            return self.join(dice);
        }
        let Some(key) = self.somebody(dice) else { return self.join(dice) };
        if what < 5 {
            let person = self.people.remove(&key).unwrap();
            self.gone.push((key.clone(), person));
            self.log.push(key.clone());
            return format!("{key} leaves");
        }
        if what == 5 && !self.gone.is_empty() {
            return self.return_of_one(dice);
        }
        let other = self.somebody(dice).filter(|other| *other != key);
        let person = self.people.get_mut(&key).unwrap();
        let said = match what {
            6 | 7 => {
                person.mail = format!("{key}.{}@example.com", dice.below(1000));
                format!("{key} is renamed to {}", person.mail)
            }
            8 => {
                person.title = None;
                format!("{key} loses the title")
            }
            9 => {
                person.manager.clone_from(&other);
                format!("{key} gets the manager {other:?}")
            }
            10 => {
                person.status = match dice.below(3) {
                    0 => Status::Active,
                    1 => Status::Inactive,
                    _ => Status::External,
                };
                format!("{key} becomes {:?}", person.status)
            }
            11 => {
                person.record = match dice.below(5) {
                    0 => Record::Rejected,
                    1 => Record::Shifted,
                    2 => Record::Nameless,
                    3 => Record::Unmappable,
                    _ => Record::Good,
                };
                format!("the record of {key} becomes {:?}", person.record)
            }
            12 if other.is_some() => {
                // The two of them hand a mail address on, in one step: the next run sees both.
                let taken = person.mail.clone();
                person.mail = format!("{key}.former{}@example.com", dice.below(1000));
                let other = other.unwrap();
                self.people.get_mut(&other).unwrap().mail.clone_from(&taken);
                self.log.push(other.clone());
                format!("{other} takes {taken} over from {key}")
            }
            _ => {
                person.title = Some(format!("Title {}", dice.below(4)));
                format!("{key} becomes {:?}", person.title)
            }
        };
        self.log.push(key);
        said
    }

    /// All records are good again.
    pub(super) fn mend(&mut self) {
        for (key, person) in &mut self.people {
            if person.record != Record::Good {
                person.record = Record::Good;
                self.log.push(key.clone());
            }
        }
    }

    /// Somebody who left is back: as who they were, or as somebody new with the same address.
    fn return_of_one(&mut self, dice: &mut Dice) -> String {
        let (key, person) = self.gone.swap_remove(dice.index(self.gone.len()));
        let is_taken = |mail: &str| self.people.values().any(|other| other.mail == mail);
        if self.people.contains_key(&key) || is_taken(&person.mail) {
            return format!("{key} thinks about coming back");
        }
        if dice.one_in(3) {
            self.joined += 1;
            let again = format!("k{}", self.joined);
            self.people.insert(again.clone(), person);
            self.log.push(again.clone());
            return format!("{key} comes back as {again}");
        }
        self.people.insert(key.clone(), person);
        self.log.push(key.clone());
        format!("{key} comes back")
    }

    pub(super) fn somebody(&self, dice: &mut Dice) -> Option<String> {
        let count = self.people.len();
        if count == 0 {
            return None;
        }
        self.people.keys().nth(dice.index(count)).cloned()
    }
}
