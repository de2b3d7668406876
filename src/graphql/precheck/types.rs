//! What the schema declares, in the form that checks and the completion of responses ask for it.

use std::collections::{BTreeSet, HashMap, HashSet};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, ConstDirective, FieldDefinition, InputValueDefinition, OperationType, Type, TypeDefinition,
    TypeKind, TypeSystemDefinition,
};
use async_graphql::{Positioned, Value};

/// The declared types of a schema, by name. Introspection types are absent: what is not known is not judged.
#[derive(Debug, Default)]
pub struct Types {
    objects: HashSet<String>,
    leaves: HashSet<String>,
    enums: HashMap<String, HashSet<String>>,
    /// For an interface or union the objects that its values can be.
    possible: HashMap<String, BTreeSet<String>>,
    fields: HashMap<String, HashMap<String, Field>>,
    inputs: HashMap<String, InputObject>,
    roots: [Option<String>; 3],
}

/// A field of an object or interface.
#[derive(Debug)]
pub struct Field {
    /// Its type.
    pub ty: Type,
    /// Its arguments by name.
    pub arguments: HashMap<String, Input>,
    /// Its cost, where the directive `@cost` says one.
    pub weight: Option<u64>,
    /// How long the lists in it are taken to be, where the directive `@listSize` says so.
    pub list: Option<ListSize>,
}

/// What `@listSize` says.
#[derive(Debug, Default)]
pub struct ListSize {
    /// The length, unless an argument says it.
    pub assumed: Option<u64>,
    /// The arguments that say it.
    pub slicing: Vec<String>,
    /// The fields of the object that have it; empty: the field itself.
    pub sized: Vec<String>,
}

/// An input object.
#[derive(Debug)]
pub struct InputObject {
    /// Its fields by name.
    pub fields: HashMap<String, Input>,
    /// Whether exactly one field is given.
    pub is_one_of: bool,
}

/// An argument, or a field of an input object.
#[derive(Debug)]
pub struct Input {
    /// Its type.
    pub ty: Type,
    /// Its value when it is left out.
    pub default: Option<Value>,
}

impl Input {
    /// Whether it must be given.
    #[must_use]
    pub fn is_required(&self) -> bool {
        !self.ty.nullable && self.default.is_none()
    }
}

impl Types {
    /// Reads an SDL; the root types are `Query`, `Mutation` and `Subscription` unless its schema definition names others.
    ///
    /// # Errors
    /// When the SDL can't be parsed.
    pub fn from_sdl(sdl: &str) -> Result<Self, async_graphql::parser::Error> {
        let mut types = Self::default();
        let root = |name: &str| Some(name.to_owned());
        types.roots = [root("Query"), root("Mutation"), root("Subscription")];
        for definition in parse_schema(sdl)?.definitions {
            match definition {
                TypeSystemDefinition::Schema(schema) => {
                    let schema = schema.node;
                    types.roots = [schema.query, schema.mutation, schema.subscription]
                        .map(|name| name.map(|name| name.node.to_string()));
                }
                TypeSystemDefinition::Type(definition) => types.add(definition.node),
                TypeSystemDefinition::Directive(_) => {}
            }
        }
        Ok(types)
    }

    /// The root type of an operation.
    #[must_use]
    pub fn root(&self, operation: OperationType) -> Option<&str> {
        let index = match operation {
            OperationType::Query => 0,
            OperationType::Mutation => 1,
            OperationType::Subscription => 2,
        };
        self.roots[index].as_deref()
    }

    /// A field of an object or interface.
    #[must_use]
    pub fn field(&self, parent: &str, name: &str) -> Option<&Field> {
        self.fields.get(parent)?.get(name)
    }

    /// The names of the objects and interfaces.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// The names of the fields of an object or interface.
    pub fn field_names<'a>(&'a self, parent: &str) -> impl Iterator<Item = &'a str> {
        self.fields.get(parent).into_iter().flat_map(|fields| fields.keys().map(String::as_str))
    }

    /// Whether `name` is an object or interface.
    #[must_use]
    pub fn has_fields(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// An input object.
    #[must_use]
    pub fn input(&self, name: &str) -> Option<&InputObject> {
        self.inputs.get(name)
    }

    /// The values of an enum.
    #[must_use]
    pub fn enum_values(&self, name: &str) -> Option<&HashSet<String>> {
        self.enums.get(name)
    }

    /// The objects that a value of an interface or union can be; none for other types.
    #[must_use]
    pub fn possible(&self, name: &str) -> Option<&BTreeSet<String>> {
        self.possible.get(name)
    }

    /// Whether `name` is an object type, so that a value of it is of no other type.
    #[must_use]
    pub fn is_object(&self, name: &str) -> bool {
        self.objects.contains(name)
    }

    /// Whether `name` is a scalar or an enum.
    #[must_use]
    pub fn is_leaf(&self, name: &str) -> bool {
        self.leaves.contains(name) || matches!(name, "Int" | "Float" | "String" | "Boolean" | "ID")
    }

    fn add(&mut self, definition: TypeDefinition) {
        let name = definition.name.node.to_string();
        match definition.kind {
            TypeKind::Object(object) => {
                self.objects.insert(name.clone());
                for interface in object.implements {
                    self.possible.entry(interface.node.to_string()).or_default().insert(name.clone());
                }
                self.fields.entry(name).or_default().extend(object.fields.into_iter().map(|f| field(f.node)));
            }
            TypeKind::Interface(interface) => {
                self.possible.entry(name.clone()).or_default();
                let fields = interface.fields.into_iter().map(|f| field(f.node));
                self.fields.entry(name).or_default().extend(fields);
            }
            TypeKind::Union(union) => {
                let members = union.members.into_iter().map(|member| member.node.to_string());
                self.possible.entry(name).or_default().extend(members);
            }
            TypeKind::InputObject(object) => {
                let fields = object.fields.into_iter().map(|f| input(f.node)).collect();
                let is_one_of = definition.directives.iter().any(|d| d.node.name.node == "oneOf");
                self.inputs.insert(name, InputObject { fields, is_one_of });
            }
            TypeKind::Enum(values) => {
                let values = values.values.into_iter().map(|value| value.node.value.node.to_string());
                self.enums.insert(name.clone(), values.collect());
                self.leaves.insert(name);
            }
            TypeKind::Scalar => {
                self.leaves.insert(name);
            }
        }
    }
}

/// The name under all lists and non-nulls of a type.
#[must_use]
pub fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(item) => named(item),
    }
}

fn field(definition: FieldDefinition) -> (String, Field) {
    let arguments = definition.arguments.into_iter().map(|argument| input(argument.node)).collect();
    let directive =
        |name: &str| definition.directives.iter().find(|directive| directive.node.name.node == name);
    let weight = directive("cost").and_then(|cost| text(argument(cost, "weight")?)?.parse().ok());
    let list = directive("listSize").map(|size| ListSize {
        assumed: argument(size, "assumedSize").and_then(number),
        slicing: argument(size, "slicingArguments").map(texts).unwrap_or_default(),
        sized: argument(size, "sizedFields").map(texts).unwrap_or_default(),
    });
    (definition.name.node.to_string(), Field { ty: definition.ty.node, arguments, weight, list })
}

fn argument<'a>(directive: &'a Positioned<ConstDirective>, name: &str) -> Option<&'a Value> {
    directive.node.get_argument(name).map(|argument| &argument.node)
}

fn text(value: &Value) -> Option<&str> {
    if let Value::String(text) = value { Some(text) } else { None }
}

fn texts(value: &Value) -> Vec<String> {
    let Value::List(items) = value else { return Vec::new() };
    items.iter().filter_map(text).map(str::to_owned).collect()
}

/// A number of a document that is not negative; a negative one counts as none.
pub(in crate::graphql) fn number(value: &Value) -> Option<u64> {
    if let Value::Number(number) = value {
        number.as_i64().map(|number| u64::try_from(number).unwrap_or(0))
    } else {
        None
    }
}

fn input(definition: InputValueDefinition) -> (String, Input) {
    let default = definition.default_value.map(|default| default.node);
    (definition.name.node.to_string(), Input { ty: definition.ty.node, default })
}
