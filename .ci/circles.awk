# Reads .ci/borders.txt and then what .ci/imports.awk found, and prints every fault inside a folder:
# imports that run in a circle, and imports that do not run down its levels.
#
# A folder's modules are compared with each other, each with all that lies in it. What a folder's own
# file (mod.rs, or the file of its name) only shows to others (`pub use`) is as if they imported it
# from where it stands. No folder's modules may import each other in a circle.
#
# The folder's own file is above the others. In a strict crate it counts: a child that imports what
# that file defines closes a circle if the file imports from the child. Elsewhere a child may use
# what its folder defines, since there a type's methods stand in several files.

function fault(what) { print what }

# The module that a path leads to, through what others show.
function module_of(path,    head, name, rest, hops) {
    for (hops = 0; hops < 20; hops++) {
        head = path
        while (!(head in module) && sub(/::[^:]*$/, "", head)) { }
        if (!(head in module)) return ""
        rest = substr(path, length(head) + 3)
        name = rest
        sub(/::.*/, "", name)
        if (!((head, name) in shows)) return head
        path = shows[head, name] substr(rest, length(name) + 1)
    }
    return head
}

# Which of a folder's modules something lies in; nothing, if it is the folder's own file.
function within(folder, path) {
    if (path == folder) return ""
    path = substr(path, length(folder) + 3)
    sub(/::.*/, "", path)
    return path
}

function common_folder(a, b) {
    a = a "::"
    while (index(b "::", a) != 1) sub(/[^:]*::$/, "", a)
    sub(/::$/, "", a)
    return a
}

function edge(from, path, where,    to, folder, crate, a, b) {
    to = module_of(path)
    if (to == "" || to == from || from in test || to in test) return
    folder = common_folder(from, to)
    if (folder == "") return
    a = within(folder, from)
    b = within(folder, to)
    crate = folder
    sub(/::.*/, "", crate)
    if ((a == "" || b == "") && !(crate in strict)) return
    if (a == "") a = OWN
    if (b == "") b = OWN
    if ((folder, a, b) in known) { used[folder, a, b] = 1; return }
    if (a != OWN && b != OWN && ((folder, a) in level || (folder, b) in level)) {
        if (!((folder, a) in level)) fault(where ": " a " has no level among those of " folder)
        else if (!((folder, b) in level)) fault(where ": " b " has no level among those of " folder)
        else if (level[folder, b] <= level[folder, a])
            fault(where ": " folder ": " a " imports " b ", which does not stand below it")
    }
    if (!((folder, a, b) in seen)) {
        seen[folder, a, b] = where
        next_of[folder, a] = next_of[folder, a] " " b
        folders[folder] = folders[folder] " " a
    }
}

# Walks from a module along what it imports, and prints the way when it comes back to a module that
# it is on. `way` has the modules from the first to this one.
function walk(folder, at, way,    list, n, i, to) {
    state[folder, at] = "on the way"
    n = split(next_of[folder, at], list, " ")
    for (i = 1; i <= n; i++) {
        to = list[i]
        if (state[folder, to] == "on the way") circle(folder, way " " to, to)
        else if (state[folder, to] == "") walk(folder, to, way " " to)
    }
    state[folder, at] = "done"
}

function circle(folder, way, first,    step, n, i, text) {
    n = split(way, step, " ")
    for (i = 1; step[i] != first; i++) { }
    text = folder ": imports run in a circle:"
    for (; i < n; i++) text = text "\n    " step[i] " imports " step[i + 1] " (" seen[folder, step[i], step[i + 1]] ")"
    fault(text)
}

BEGIN { OWN = "(the-own-file)" }

FILENAME ~ /borders\.txt$/ {
    if ($2 == "strict") strict[$1] = 1
    if ($2 != "level" && $2 != "circle") next
    folder = $1
    gsub(/\//, "::", folder)
    if ($2 == "level" && folder ~ /::/) {
        depth[folder]++
        for (i = 3; i <= NF; i++) level[folder, $i] = depth[folder]
    }
    if ($2 == "circle") {
        a = $3 == "." ? OWN : $3
        b = $4 == "." ? OWN : $4
        known[folder, a, b] = $0
    }
    next
}
$1 == "module" { module[$2] = 1 }
$1 == "test" { test[$2] = 1 }
$1 == "shows" { shows[$2, $3] = $4 }
$1 == "import" { count++; from[count] = $2; path[count] = $3; where[count] = $4 }

END {
    for (i = 1; i <= count; i++) edge(from[i], path[i], where[i])
    for (one in module) {
        folder = one
        if (!(one in test) && sub(/::[^:]*$/, "", folder) && folder in depth) {
            name = within(folder, one)
            if (!((folder, name) in level)) fault(folder ": " name " has no level in .ci/borders.txt")
        }
    }
    for (folder in folders) {
        n = split(folders[folder], start, " ")
        for (i = 1; i <= n; i++) if (state[folder, start[i]] == "") walk(folder, start[i], start[i])
    }
    for (one in known) if (!(one in used)) fault("no longer so, in .ci/borders.txt: " known[one])
}
