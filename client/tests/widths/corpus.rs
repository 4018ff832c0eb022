//! Clusters of all scripts, and what terminals disagree about.

/// Letters of many scripts, some with marks, viramas and vowel signs; separated by blanks.
const SCRIPTS: &str = "
    a é ß Ł ő ǆ ﬁ e\u{301} a\u{328}\u{301} o\u{302}\u{323} ệ ữ Ω ά ᾧ я Ё ѱ ҁ\u{483} Ֆ ա\u{559} ש ש\u{5c1}\u{5b8} ﬞ\u{fb1e}
    ع ب\u{64e}\u{651} پ ﷺ ﷽ ܐ ܒ\u{73c} ދ ދ\u{7a8} ߊ ߞ\u{7eb} ࠀ ࡀ
    क कि की स् क\u{94d}ष स्त्री क्ष्म्य र्\u{200d}य ड़ ॐ
    ক কা কি কৌ ক্ক ক্ষ্ম্য ৎ ਕ ਕਿ ਕ\u{a71} ક ક્ષ કૌ ଓ କ\u{b3e} କ\u{b57} କ୍ଷ
    க கா கி கொ கௌ க்ஷ ஸ்ரீ க\u{bd7} ఆ కి క్ష క\u{c56} ಕ ಕಿ ಕೀ ಕೊ ಕ್ಷ ಕ\u{cd5} അ കി കൊ ക്ഷ ക\u{d57} ൻ
    ක ක\u{dcf} කො ක්\u{200d}ෂ ක\u{ddf} ก กำ กิ่ ที่ น้ำ เก ກ ກຳ ກິ່ ཀ ཀྱི ཧཱུྃ ྲི\u{f72}
    မ မြ\u{103c} ကျွ\u{103d} က္က ကို ა ⴀ ჰ ᄀ ᄀ\u{1161} ᄀ\u{1161}\u{11a8} ᄒ\u{1161}\u{11ab} \u{a960}\u{1161} 가 힣 \u{d7a3}
    አ ሀ\u{135f} Ꭰ ᐁ ᚁ ᚠ ᜀ ᜀ\u{1712} ᜊ\u{1715} ᜠ ᜠ\u{1734} ក ក្ក ស្ត្រី កៅ \u{17d8} ᠠ ᠮ\u{180b} ᥐ ᦀ ᨀ ᨀ\u{1a17} ᨠ ᨠ\u{1a6e}
    ᬅ ᬓ\u{1b35} ᬓ\u{1b3b} ᬓ\u{1b44} ᮃ ᮊ\u{1baa} ᯀ ᯀ\u{1bf2} ᰀ ᱐ ⰰ Ⲁ ⵣ ⵣ\u{2d7f}ⵣ ꀀ ꓐ ꔀ ꙮ ꚠ ꜩ ꠀ ꠀ\u{a802} ꡀ ꢀ ꢀ\u{a8b5} ꤀ ꤰ\u{a953} ꦀ ꦏ\u{a9c0} ꦏꦴ
    ꨀ ꨀ\u{aa33} ꪀ ꫲ ꯀ ꯀ\u{abe3} 𐀀 𐌰 𐎀 𐒀 𐤀 𐨀 𐨀\u{10a01} 𐰀 𑀅 𑀓\u{11038} 𑂃 𑄃 𑄓𑄴 𑆃 𑆑\u{111c0} 𑌅 𑌕\u{1133e} 𑌕\u{1134d} 𑒁 𑒏\u{114b0} 𑖀 𑖎\u{115af} 𑘀 𑚀 𑚊\u{116b6} 𑜀 𒀀 𓀀 𖠀 𖬀 𖼀 𗀀 𛀀 𝄞 𝅘\u{1d165} 𝐀 𝕬 𝟘 𞀀 𞤀 𞤢\u{1e944} 𞸀
";

/// Of East Asia: wide, half-width, with marks, and the hexagrams, whose width has changed.
const EAST_ASIA: &str = "
    漢 字 。 、 「 」 あ ア が か\u{3099} ー ゟ ㄅ ㄱ ㆍ 々 〇 〈 〉 ［ ！ Ａ ～ ￥ ￦ ｱ ｶﾞ ﾊﾟ ﾞ ￨ ｡ ﾡ
    ㈀ ㉀ ㊀ ㋀ ㌀ ㍿ ㏿ ㉈ ㉉ ㉊ ㉋ ㉌ ㉍ ㉎ ㉏ ㉐ ㉑ ䷀ ䷿ 𠀀 𪛖 𰀀 豈 葛\u{e0100} 辻\u{fe00} 〰 〽 〓 〾 ⺀ ⼀ ⿰
    \u{302e}가\u{302e} 가\u{302f} ꥠ 𖿠 𘠀 ☰ ⚊ 𝌀 𝌆 𝍠
";

/// Ambiguous ones, symbols and pictures.
const SYMBOLS: &str = "
    ’ “ … — – · ° ± × ÷ § ¶ † ‡ • ‰ ′ ″ ※ ⁂ ℃ ℉ № ™ © ® ← → ↔ ⇒ ↓ ∀ ∂ ∑ √ ∞ ∩ ≈ ≠ ≤ ⊕ ⌒ ① ⑳ ⒜ Ⓐ ─ │ ┌ ┼ ═ ║ █ ▀ ▄ ░ ■ □ ▲ ◆ ● ★ ☆ ♀ ♂ ♠ ♥ ♪ ⟨ ⸺ ⸻ ⠿ ⠀x �
    ⌚ ⌚\u{fe0e} ⏩ ⏰ ☎ ☎\u{fe0f} ☔ ☕ ☝ ☝🏽 ♈ ♿ ⚓ ⚡ ⚽ ⛄ ⛔ ⛪ ✅ ✊ ✌\u{fe0f} ✨ ❌ ❓ ❗ ❤ ❤\u{fe0f} ➕ ➰ ⬛ ⭐ ⭕ \u{2b50}\u{fe0e}
    🀄 🃏 🅰 🅰\u{fe0f} 🆎 🈁 🈚 🌀 🌡 🌡\u{fe0f} 🎄 🏠 🐀 👍 👍🏽 👍\u{fe0e} 💩 🔥 🕐 😀 🙏🏿 🚀 🛑 🟠 🤔 🤷🏼\u{200d}♀\u{fe0f} 🥰 🦀 🧀 🧿 🩰 🪐 🫠 🫶🏾 🫨 🪿 🬀 🮲
    👩\u{200d}👩\u{200d}👧 👨\u{200d}👩\u{200d}👧\u{200d}👦 👩\u{200d}💻 🧑🏽\u{200d}🚀 ❤\u{fe0f}\u{200d}🔥 🏳\u{fe0f}\u{200d}🌈 🏴\u{200d}☠\u{fe0f} 👁\u{fe0f}\u{200d}🗨\u{fe0f} 🐈\u{200d}⬛ 🧑🏻\u{200d}❤\u{fe0f}\u{200d}💋\u{200d}🧑🏼
    🇫🇷 🇩🇪 🇺🇳 🇯🇵 🇧🇷 🇺🇸 🇪🇺 🇽🇽 🇫x 1\u{fe0f}\u{20e3} 2\u{20e3} 9\u{fe0f}\u{20e3} #\u{fe0f}\u{20e3} *\u{fe0f}\u{20e3} a\u{20dd} ☮\u{20e0} a\u{fe0f} \u{e000} \u{f8ff} \u{f0000} \u{378} \u{1fad0}
";

/// Each with the clusters that it is, mostly one.
pub fn corpus() -> Vec<String> {
    let texts = [SCRIPTS, EAST_ASIA, SYMBOLS];
    let corpus: Vec<String> = texts
        .iter()
        .flat_map(|text| text.split_whitespace().map(str::to_owned))
        .collect();
    assert!(corpus.len() >= 300, "{}", corpus.len());
    corpus
}
