//! Every size of the screen, and texts with control characters.

use super::*;

#[test]
fn every_size_can_be_painted() {
    let (model, mut views) = three_rooms();
    let long = chat(
        RoomId(2),
        5,
        &"n".repeat(66),
        &"界👩\u{200d}👩\u{200d}👧 https://example.org/".repeat(9),
    );
    views.push(&long, Mention::Now);
    let rows = ["typed 界".to_owned(), String::new()];
    let hints = ["a hint".to_owned()];
    let mut panel = Panel::new("help", &"word ".repeat(99));
    for columns in 0..=30 {
        for height in 0..=12 {
            for input in [
                Input::Line {
                    rows: &rows,
                    cursor: (1, 0),
                },
                Input::Search {
                    text: "example 界",
                    is_found: false,
                },
                Input::Question("Leave? y/n"),
            ] {
                for with_panel in [false, true] {
                    let mut painting = painting(&model, &mut views);
                    painting.input = input;
                    painting.hints = &hints;
                    painting.shows_rooms = !with_panel || height % 2 == 1;
                    painting.panel = with_panel.then_some(&mut panel);
                    let (_, (x, y)) = screen(painting, columns, height);
                    assert!(x <= columns && y <= height);
                    views.page_up();
                }
            }
        }
    }
}

#[test]
fn what_others_send_stays_text_wherever_it_is_shown() {
    let orders = [
        "\u{1b}]0;title\u{7}",
        "\u{1b}]52;c;cm0=\u{1b}\\",
        "\u{1b}[2J\u{1b}[H",
        "\u{9b}2J\u{9d}0;x\u{9c}\u{90}q",
        "\u{202e}evil\u{2066}\u{200b}\u{200f}",
        "a\rb\u{8}c\u{0}d\u{7f}e\u{85}f\u{2028}g",
        &format!("a{}", "\u{301}".repeat(500)),
    ];
    let hostile = orders.concat();
    let model = model(vec![
        room(RoomId(2), &hostile, &hostile),
        room(RoomId(3), "@bob", ""),
    ]);
    let mut views = Views::new("alice", TimeZone::UTC, LIMIT);
    views.push(&chat(RoomId(2), 1, &hostile, &hostile), Mention::Now);
    views.notice(Some(RoomId(2)), NOON, &hostile);
    let hints = [hostile.clone()];
    let rows = [hostile.clone()];
    let mut panel = Panel::new(&hostile, &hostile);
    for (number, size) in [(80, 24), (20, 10), (200, 60)].into_iter().enumerate() {
        let mut painting = painting(&model, &mut views);
        painting.prompt = &hostile;
        painting.hints = &hints;
        painting.input = match number {
            0 => Input::Line {
                rows: &rows,
                cursor: (0, 0),
            },
            1 => Input::Search {
                text: &hostile,
                is_found: false,
            },
            _ => Input::Question(&hostile),
        };
        painting.panel = (number == 2).then_some(&mut panel);
        let terminal = painted(painting, size.0, size.1);
        for cell in &terminal.backend().buffer().content {
            let symbol = cell.symbol();
            assert!(
                crate::sanitize::line(symbol) == symbol || symbol.ends_with('\u{301}'),
                "{symbol:?}"
            );
            assert!(symbol.chars().count() <= 12, "{symbol:?}");
        }
    }
}
