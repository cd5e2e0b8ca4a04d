// SPDX-License-Identifier: MIT
//! Columns of a table in the room that there is: what matters less goes first, and what
//! may be long takes what is left.

/// A column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column<T> {
    pub what: T,
    pub name: &'static str,
    /// Columns of the terminal that it needs, and that it takes at most.
    pub least: u16,
    pub most: u16,
    /// The higher, the sooner it goes.
    pub spare: u8,
    /// Whether it holds numbers, which stand at the right.
    pub right: bool,
}

/// One that is from `least` to `most` wide.
pub(super) const fn column<T: Copy>(
    what: T,
    name: &'static str,
    (least, most): (u16, u16),
    spare: u8,
    right: bool,
) -> Column<T> {
    Column {
        what,
        name,
        least,
        most,
        spare,
        right,
    }
}

/// The columns that fit, with their widths.
pub(super) fn fitted<T: Copy>(all: &[Column<T>], room: u16) -> Vec<(Column<T>, u16)> {
    let mut kept: Vec<_> = all.iter().map(|column| (*column, column.least)).collect();
    while taken(&kept) > room && kept.len() > 1 {
        let Some(at) = (0..kept.len()).max_by_key(|at| kept[*at].0.spare) else {
            break;
        };
        kept.remove(at);
    }
    let mut left = room.saturating_sub(taken(&kept));
    // One each in turn, so that all of them grow.
    while left > 0 {
        let mut grew = false;
        for (column, width) in &mut kept {
            if left > 0 && *width < column.most {
                *width += 1;
                left -= 1;
                grew = true;
            }
        }
        if !grew {
            break;
        }
    }
    kept
}

/// With a blank between each two.
fn taken<T>(kept: &[(Column<T>, u16)]) -> u16 {
    let widths: u16 = kept.iter().map(|(_, width)| *width).sum();
    widths + (kept.len() as u16).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn column(what: char, least: u16, most: u16, spare: u8) -> Column<char> {
        Column {
            what,
            name: "",
            least,
            most,
            spare,
            right: false,
        }
    }

    #[test]
    fn what_matters_least_goes_first_and_the_rest_grows() {
        let all = [
            column('a', 4, 20, 0),
            column('b', 4, 4, 2),
            column('c', 4, 6, 1),
        ];
        let names = |room| {
            let fitted = fitted(&all, room);
            let names = fitted.iter().map(|(column, width)| (column.what, *width));
            names.collect::<Vec<_>>()
        };
        assert_eq!(names(14), [('a', 4), ('b', 4), ('c', 4)]);
        assert_eq!(names(13), [('a', 6), ('c', 6)]);
        assert_eq!(names(40), [('a', 20), ('b', 4), ('c', 6)]);
        assert_eq!(names(3), [('a', 4)]);
    }
}
