//! The order of the modules, read from the real imports: a module uses only modules that `lib.rs` lists before it, files
//! of one folder use each other in one direction, and nothing is imported through a parent that itself only
//! imports it. Calls of methods are seen for the state alone, whose methods stand in several files; a folder and the file
//! that declares it may use each other. Also who may change the state, and who may ask for the time or the environment.

use crate::support::sources::rust_files;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{
    Attribute, Expr, ExprAssign, ExprMethodCall, File, ImplItemFn, Item, ItemImpl, ItemMod,
    ItemUse, Member, Type, UseTree, Visibility,
    visit::{self, Visit},
};

/// The segments of a module or a name, from the root of the crate.
type Segments = Vec<String>;

/// The module that a file is: `src/engine/tape/norm.rs` is `engine::tape::norm`.
fn module_of(file: &Path) -> Segments {
    let inside = file.strip_prefix("src").unwrap().with_extension("");
    let segments = inside.components().map(|c| c.as_os_str().to_string_lossy().into_owned());
    segments.filter(|segment| segment != "lib" && segment != "main").collect()
}

/// A name that a file uses, from the root of the crate.
struct Used {
    target: Segments,
    /// Whether it was written as `super::`.
    is_relative: bool,
}

/// What one file takes from the rest of the crate, and which names its children would find in it.
#[derive(Default)]
struct Imports {
    used: Vec<Used>,
    /// Names that come from a child and are passed on.
    from_children: BTreeMap<String, Segments>,
    /// Names that come from elsewhere and are this file's own affair.
    private: BTreeSet<String>,
}

struct Reader {
    module: Segments,
    imports: Imports,
}

impl Reader {
    /// The path from the root, if it stays in the crate.
    fn absolute(&self, path: &[String]) -> Option<Segments> {
        match path.first().map(String::as_str)? {
            "crate" => Some(path[1..].to_vec()),
            "super" => {
                let up = path.iter().take_while(|segment| *segment == "super").count();
                let base = self.module.len().checked_sub(up)?;
                Some([&self.module[..base], &path[up..]].concat())
            }
            _ => None,
        }
    }

    fn add(&mut self, path: &[String]) {
        let is_relative = path.first().is_some_and(|segment| segment == "super");
        if let Some(target) = self.absolute(path) {
            self.imports.used.push(Used { target, is_relative });
        }
    }
}

/// Every path of a tree of imports, with the name that it is known by.
fn leaves(tree: &UseTree, mut path: Segments, found: &mut Vec<(Segments, String)>) {
    match tree {
        UseTree::Path(part) => {
            path.push(part.ident.to_string());
            leaves(&part.tree, path, found);
        }
        UseTree::Name(name) if name.ident == "self" => {
            let last = path.last().cloned().unwrap_or_default();
            found.push((path, last));
        }
        UseTree::Name(name) => {
            path.push(name.ident.to_string());
            found.push((path, name.ident.to_string()));
        }
        UseTree::Rename(name) => {
            path.push(name.ident.to_string());
            found.push((path, name.rename.to_string()));
        }
        UseTree::Glob(_) => found.push((path, "*".to_owned())),
        UseTree::Group(group) => {
            group.items.iter().for_each(|tree| leaves(tree, path.clone(), found));
        }
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    let is_test = |a: &Attribute| {
        a.path().is_ident("cfg") && a.parse_args::<syn::Path>().is_ok_and(|p| p.is_ident("test"))
    };
    attributes.iter().any(is_test)
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let mut found = vec![];
        leaves(&item.tree, vec![], &mut found);
        for (path, _) in found {
            self.add(&path);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Segments = path.segments.iter().map(|s| s.ident.to_string()).collect();
        self.add(&segments);
        visit::visit_path(self, path);
    }
}

/// The names that `use` brings into a file at its top level: which come from a child and which from elsewhere.
fn names_of(file: &File, imports: &mut Imports) {
    let children: BTreeSet<String> = file.items.iter().filter_map(child).collect();
    for item in &file.items {
        let Item::Use(item) = item else { continue };
        let mut found = vec![];
        leaves(&item.tree, vec![], &mut found);
        for (path, name) in found {
            let is_child = children.contains(&path[0]);
            match item.vis {
                _ if is_child => drop(imports.from_children.insert(name, path)),
                Visibility::Inherited => drop(imports.private.insert(name)),
                _ => {}
            }
        }
    }
}

fn child(item: &Item) -> Option<String> {
    match item {
        Item::Mod(module) if !is_for_tests(&module.attrs) => Some(module.ident.to_string()),
        _ => None,
    }
}

fn read(text: &str, module: Segments) -> Imports {
    let file = syn::parse_file(text).unwrap();
    let mut reader = Reader { module, imports: Imports::default() };
    reader.visit_file(&file);
    names_of(&file, &mut reader.imports);
    reader.imports
}

/// Every file of the crate with what it imports; files of tests alone are left out.
fn house() -> BTreeMap<Segments, Imports> {
    let mut files = vec![];
    rust_files(Path::new("src"), &mut files);
    files.retain(|file| !file.ends_with("tests.rs") && !file.ends_with("main.rs"));
    let read = |file: &PathBuf| {
        let module = module_of(file);
        (module.clone(), read(&fs::read_to_string(file).unwrap(), module))
    };
    files.iter().map(read).collect()
}

/// The modules in the order of `lib.rs`.
fn layers() -> Vec<String> {
    let lib = syn::parse_file(&fs::read_to_string("src/lib.rs").unwrap()).unwrap();
    lib.items.iter().filter_map(child).collect()
}

#[test]
fn a_module_uses_only_modules_listed_before_it() {
    let layers = layers();
    let place = |name: &String| layers.iter().position(|layer| layer == name);
    let mut wrong = vec![];
    for (module, imports) in house().iter().filter(|(module, _)| !module.is_empty()) {
        let here = place(&module[0]).unwrap();
        for used in &imports.used {
            if used.target.first().and_then(place).is_some_and(|there| there > here) {
                wrong.push(format!("{} uses {}", module.join("::"), used.target.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_imported_through_a_parent_that_only_imports_it() {
    let house = house();
    let mut wrong = vec![];
    for (module, imports) in &house {
        for used in imports.used.iter().filter(|used| used.is_relative) {
            let Some((name, parent)) = used.target.split_last() else { continue };
            if house.get(parent).is_some_and(|parent| parent.private.contains(name)) {
                wrong.push(format!("{} takes {}", module.join("::"), used.target.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The module that a used name stands in, following what parents pass on of their children.
fn home(house: &BTreeMap<Segments, Imports>, target: &[String]) -> Segments {
    for n in (0..=target.len()).rev() {
        let Some(module) = house.get(&target[..n]) else { continue };
        let passed_on = target.get(n).and_then(|name| module.from_children.get(name));
        return match passed_on {
            Some(path) => home(house, &[&target[..n], path].concat()),
            None => target[..n].to_vec(),
        };
    }
    vec![]
}

/// Which children of one folder use which others.
type Arrows = BTreeMap<String, BTreeSet<String>>;

fn arrows(house: &BTreeMap<Segments, Imports>) -> BTreeMap<Segments, Arrows> {
    let mut folders: BTreeMap<Segments, Arrows> = BTreeMap::new();
    for (module, imports) in house {
        for used in &imports.used {
            let home = home(house, &used.target);
            let common = module.iter().zip(&home).take_while(|(a, b)| a == b).count();
            if let (Some(from), Some(to)) = (module.get(common), home.get(common)) {
                let folder = folders.entry(module[..common].to_vec()).or_default();
                folder.entry(from.clone()).or_default().insert(to.clone());
            }
        }
    }
    folders
}

/// A way from a file back to itself.
fn circle<'a>(arrows: &'a Arrows, path: &mut Vec<&'a str>, done: &mut BTreeSet<&'a str>) -> bool {
    let last = path[path.len() - 1];
    if path[..path.len() - 1].contains(&last) {
        return true;
    }
    for next in arrows.get(last).into_iter().flatten() {
        if !done.contains(next.as_str()) {
            path.push(next);
            if circle(arrows, path, done) {
                return true;
            }
            path.pop();
        }
    }
    done.insert(last);
    false
}

/// Methods of the state: which a file defines, and which it calls.
#[derive(Default)]
struct StateMethods {
    defined: BTreeSet<String>,
    /// Those defined with `&mut self`.
    changing: BTreeSet<String>,
    called: BTreeSet<String>,
    is_in_state: bool,
}

impl StateMethods {
    fn of(text: &str) -> Self {
        let mut methods = Self::default();
        methods.visit_file(&syn::parse_file(text).unwrap());
        methods
    }
}

impl<'ast> Visit<'ast> for StateMethods {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let is_state = |ty: &Type| matches!(ty, Type::Path(path) if path.path.is_ident("State"));
        self.is_in_state = item.trait_.is_none() && is_state(&item.self_ty);
        visit::visit_item_impl(self, item);
        self.is_in_state = false;
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if self.is_in_state {
            let name = item.sig.ident.to_string();
            if item
                .sig
                .receiver()
                .is_some_and(|own| own.reference.is_some() && own.mutability.is_some())
            {
                self.changing.insert(name.clone());
            }
            self.defined.insert(name);
        }
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let is_self =
            |place: &Expr| matches!(place, Expr::Path(path) if path.path.is_ident("self"));
        if is_state(&call.receiver) || self.is_in_state && is_self(&call.receiver) {
            self.called.insert(call.method.to_string());
        }
        visit::visit_expr_method_call(self, call);
    }
}

/// Which files of `ui::app` call methods of the state that stand in which others.
fn calls_of_state() -> Arrows {
    let mut files = vec![];
    rust_files(Path::new("src/ui/app"), &mut files);
    let methods = |file: &PathBuf| {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        (name, StateMethods::of(&fs::read_to_string(file).unwrap()))
    };
    let methods: BTreeMap<String, StateMethods> = files.iter().map(methods).collect();
    let home = |method: &String| {
        let mut files = methods.iter().filter(|(_, file)| file.defined.contains(method));
        files.next().map(|(file, _)| file.clone())
    };
    let calls = |(file, methods): (&String, &StateMethods)| {
        let others = methods.called.iter().filter_map(home).filter(|home| home != file);
        (file.clone(), others.collect())
    };
    methods.iter().map(calls).collect()
}

#[test]
fn files_of_one_folder_use_each_other_in_one_direction() {
    let mut wrong = vec![];
    let mut folders = arrows(&house());
    let calls = calls_of_state();
    assert!(calls["update"].contains("moves") && calls["narration"].contains("shown"));
    let app = folders.get_mut(&["ui", "app"].map(str::to_owned)[..]).unwrap();
    for (file, others) in calls {
        app.entry(file).or_default().extend(others);
    }
    assert!(folders.len() > 20, "only {} folders have arrows", folders.len());
    for (folder, arrows) in &folders {
        let mut done = BTreeSet::new();
        for start in arrows.keys() {
            let mut path = vec![start.as_str()];
            if circle(arrows, &mut path, &mut done) {
                wrong.push(format!("{}: {}", folder.join("::"), path.join(" -> ")));
                done.insert(start);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What only some modules may do, and which.
const KEPT: [(&str, &[&str]); 4] = [
    ("Instant::now", &["analysis", "cli", "term", "text"]),
    ("env::var", &["cli", "engine"]),
    ("stdout()", &["cli", "term"]),
    ("std::net", &[]),
];

#[test]
fn time_environment_and_streams_are_kept_to_few_modules() {
    let mut files = vec![];
    rust_files(Path::new("src"), &mut files);
    for (what, modules) in KEPT {
        let has = |file: &&PathBuf| fs::read_to_string(file).unwrap().contains(what);
        let first = |file: &PathBuf| module_of(file).first().cloned().unwrap_or_default();
        let found: BTreeSet<String> = files.iter().filter(has).map(first).collect();
        assert_eq!(found, modules.iter().map(|&m| m.to_owned()).collect(), "{what}");
    }
}

/// Whether an expression is a variable or a field called `state`.
fn is_state(place: &Expr) -> bool {
    match place {
        Expr::Path(path) => path.path.is_ident("state"),
        Expr::Field(field) => matches!(&field.member, Member::Named(name) if name == "state"),
        _ => false,
    }
}

/// Whether an expression is a field of `state`, at any depth.
fn is_of_state(place: &Expr) -> bool {
    match place {
        Expr::Field(field) => is_state(&field.base) || is_of_state(&field.base),
        Expr::Index(index) => is_of_state(&index.expr),
        Expr::Tuple(places) => places.elems.iter().any(is_of_state),
        _ => false,
    }
}

/// The changes of a state's fields in a file, by their number.
#[derive(Default)]
struct Changes {
    n: usize,
}

impl<'ast> Visit<'ast> for Changes {
    fn visit_expr_assign(&mut self, change: &'ast ExprAssign) {
        self.n += usize::from(is_of_state(&change.left));
        visit::visit_expr_assign(self, change);
    }
}

fn n_changes_of_state(text: &str) -> usize {
    let mut changes = Changes::default();
    changes.visit_file(&syn::parse_file(text).unwrap());
    changes.n
}

#[test]
fn the_state_is_changed_by_ui_app_alone() {
    let mut files = vec![];
    rust_files(Path::new("src"), &mut files);
    let changes = |file: &PathBuf| n_changes_of_state(&fs::read_to_string(file).unwrap()) > 0;
    let (app, others): (Vec<PathBuf>, Vec<PathBuf>) = files
        .into_iter()
        .partition(|file| module_of(file).starts_with(&["ui", "app"].map(str::to_owned)));
    assert!(app.iter().any(changes));
    let methods = |file: &PathBuf| StateMethods::of(&fs::read_to_string(file).unwrap());
    let changing: BTreeSet<String> = app.iter().flat_map(|file| methods(file).changing).collect();
    assert!(changing.contains("enter"));
    let calls = |file: &PathBuf| !methods(file).called.is_disjoint(&changing);
    let wrong: Vec<PathBuf> =
        others.into_iter().filter(|file| changes(file) || calls(file)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let text = "fn f() { state.a = 1; self.state.b.c = 2; (state.d, x) = (3, 4); statement.e = 5; f = 6; }";
    assert_eq!(n_changes_of_state(text), 3);
}

#[test]
fn every_module_is_in_the_list() {
    let layers = layers();
    for entry in fs::read_dir("src").unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            name == "lib" || name == "main" || layers.contains(&name),
            "src/{name} is not in lib.rs"
        );
    }
}

#[test]
fn the_top_level_holds_nothing_else() {
    let allowed =
        ["Cargo.toml", "Cargo.lock", "LICENSE", "README.md", "src", "assets", "tests", "target"];
    for entry in fs::read_dir(".").unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(name.starts_with('.') || allowed.contains(&name.as_str()), "unexpected {name}");
    }
}

#[test]
fn calls_of_the_state_are_seen_where_they_are_its_own() {
    let text = "impl State { fn a(&self) { self.b(); self.part.c(); } fn k(&mut self) {} }\nimpl Part { fn d(&self) { self.e(); } }\n\
                fn f(state: &mut State) { state.g(); x.h(); }\n#[cfg(test)]\nmod tests { fn i() { state.j(); } }";
    let methods = StateMethods::of(text);
    assert_eq!(methods.defined, ["a", "k"].map(str::to_owned).into());
    assert_eq!(methods.changing, ["k"].map(str::to_owned).into());
    assert_eq!(methods.called, ["b", "g"].map(str::to_owned).into());
}

#[test]
fn the_reader_sees_groups_paths_and_parents() {
    let text = "use crate::{a::{x, self}, b as c};\nuse super::d;\nmod e;\nuse e::E;\nuse std::fmt;\n\
                fn f() { crate::g::h(super::super::i::j) }\n#[cfg(test)]\nmod tests { use super::*; use crate::z; }";
    let imports = read(text, ["m", "n"].map(str::to_owned).to_vec());
    let used: BTreeSet<String> = imports.used.iter().map(|u| u.target.join("::")).collect();
    assert_eq!(used, ["a", "a::x", "b", "g::h", "i::j", "m::d"].map(str::to_owned).into());
    assert_eq!(imports.from_children.keys().collect::<Vec<_>>(), ["E"]);
    assert_eq!(imports.private, ["c", "d", "fmt", "a", "x"].map(str::to_owned).into());
    let arrows = |pairs: &[(&str, &str)]| -> Arrows {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), [(*b).to_owned()].into())).collect()
    };
    let is_circle = |arrows: &Arrows| circle(arrows, &mut vec!["a"], &mut BTreeSet::new());
    assert!(is_circle(&arrows(&[("a", "b"), ("b", "c"), ("c", "a")])));
    assert!(!is_circle(&arrows(&[("a", "b"), ("b", "c")])));
}
