//! The sixteen keywords, as bits of a `u16`.

/// A set of keywords.
pub type Keywords = u16;

macro_rules! keywords {
    ($($bit:literal $constant:ident $name:literal $says:literal;)*) => {
        $(#[doc = $says] pub const $constant: Keywords = 1 << $bit;)*
        /// Names by bit, as content files write them.
        pub const NAMES: [&str; 16] = [$($name),*];
    };
}

keywords! {
    0 RUSH "rush" "May attack in the turn in which it is played.";
    1 RANGED "ranged" "Reaches all enemy slots and is not hit back.";
    2 PIERCING "piercing" "Damage beyond what kills goes on to the enemy's face.";
    3 GUARD "guard" "Attackers that reach it must attack it.";
    4 LIFESTEAL "lifesteal" "Damage that it deals in a fight heals its player.";
    5 LETHAL "lethal" "Kills what it damages in a fight.";
    6 SHIELD "shield" "The first damage does nothing.";
    7 QUICK "quick" "Hits first.";
    8 EPHEMERAL "ephemeral" "Dies at the end of its player's turn.";
    9 REGENERATE "regenerate" "Heals 2 at the start of its player's turn.";
    10 STEALTH "stealth" "Cannot be chosen by enemies until it attacks.";
    11 CHARGE "charge" "Has 2 more attack while it attacks.";
    12 FRENZY "frenzy" "Has 1 more attack after each of its attacks, for the turn.";
    13 VOLATILE "volatile" "When it dies, 2 damage to each enemy creature.";
    14 FORTIFY "fortify" "Takes 1 damage less, but at least 1.";
    15 WARD "ward" "The first effect that chooses it does nothing.";
}

/// The bit of a name; None if there is no such keyword.
#[must_use]
pub fn by_name(name: &str) -> Option<Keywords> {
    NAMES.iter().position(|&known| known == name).map(|bit| 1 << bit)
}

/// The names in a set, by bit.
pub fn names(set: Keywords) -> impl Iterator<Item = &'static str> {
    (0..16).filter(move |bit| set & (1 << bit) != 0).map(|bit| NAMES[bit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_bits_are_each_others() {
        for (bit, name) in NAMES.iter().enumerate() {
            assert_eq!(by_name(name), Some(1 << bit));
            assert_eq!(names(1 << bit).collect::<Vec<_>>(), [*name]);
        }
        assert_eq!(by_name("Rush"), None);
        assert_eq!(names(RUSH | WARD).collect::<Vec<_>>(), ["rush", "ward"]);
    }
}
