//! Rewrites a component so that it does large operations on memory in pieces. wasmtime asks for the deadline before each
//! `memory.fill`, `memory.copy` and `memory.init`, and not within: one of 64 MiB that nobody has touched yet takes 30 ms.
//! Knows nothing of plugins.

use std::collections::BTreeSet;

use wasm_encoder::reencode::{Error, Reencode, ReencodeComponent, component_utils, utils};
use wasm_encoder::{BlockType, CodeSection, Component, Function, FunctionSection, Instruction, TypeSection, ValType};
use wasmparser::{
    CodeSectionReader, FunctionBody, FunctionSectionReader, Operator, Parser, Payload, TypeRef, TypeSectionReader,
};

/// Bytes that are filled or copied at once, at most: half a millisecond where they were never touched.
const PIECE: u32 = 1 << 20;

/// The component in pieces.
pub(super) fn in_pieces(component: &[u8]) -> Result<Vec<u8>, Error> {
    let mut made = Component::new();
    Rewriter::new(PIECE).parse_component(&mut made, Parser::new(0), component)?;
    Ok(made.finish())
}

/// An operation on memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Bulk {
    Fill { memory: u32 },
    Copy { to: u32, from: u32 },
    Init { memory: u32, data: u32 },
}

impl Bulk {
    fn of(operator: &Operator<'_>) -> Option<Self> {
        match *operator {
            Operator::MemoryFill { mem } => Some(Self::Fill { memory: mem }),
            Operator::MemoryCopy { dst_mem, src_mem } => Some(Self::Copy { to: dst_mem, from: src_mem }),
            Operator::MemoryInit { data_index, mem } => Some(Self::Init { memory: mem, data: data_index }),
            _ => None,
        }
    }

    fn instruction(self) -> Instruction<'static> {
        match self {
            Self::Fill { memory } => Instruction::MemoryFill(memory),
            Self::Copy { to, from } => Instruction::MemoryCopy { src_mem: from, dst_mem: to },
            Self::Init { memory, data } => Instruction::MemoryInit { mem: memory, data_index: data },
        }
    }
}

/// Puts into each core module a function for each sort of operation, behind those that it has, and calls that instead.
struct Rewriter {
    piece: u32,
    /// What stands in the module at hand and may be long.
    long: Vec<Bulk>,
    /// The number of types and functions of that module.
    types: u32,
    functions: u32,
    /// The number on top of the stack, where the last instruction put one there.
    constant: Option<u32>,
}

impl Rewriter {
    fn new(piece: u32) -> Self {
        Self { piece, long: Vec::new(), types: 0, functions: 0, constant: None }
    }

    /// The operation, if it may be long, and notes what the next one has to know.
    fn long(&mut self, operator: &Operator<'_>) -> Option<Bulk> {
        let length = self.constant.take();
        if let Operator::I32Const { value } = operator {
            self.constant = Some(value.cast_unsigned());
        }
        Bulk::of(operator).filter(|_| length.is_none_or(|length| length > self.piece))
    }

    /// Looks through a module before it is rewritten.
    fn survey(&mut self, module: &[u8]) -> Result<(), Error> {
        (self.types, self.functions) = (0, 0);
        let mut long = BTreeSet::new();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::TypeSection(section) => {
                    for group in section {
                        self.types = self.types.saturating_add(u32::try_from(group?.types().len()).unwrap_or(u32::MAX));
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let is_function = matches!(import?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_));
                        self.functions = self.functions.saturating_add(is_function.into());
                    }
                }
                Payload::FunctionSection(section) => self.functions = self.functions.saturating_add(section.count()),
                Payload::CodeSectionEntry(body) => self.survey_body(&body, &mut long)?,
                _ => {}
            }
        }
        self.long = long.into_iter().collect();
        Ok(())
    }

    fn survey_body(&mut self, body: &FunctionBody<'_>, long: &mut BTreeSet<Bulk>) -> Result<(), Error> {
        self.constant = None;
        for operator in body.get_operators_reader()? {
            long.extend(self.long(&operator?));
        }
        self.constant = None;
        Ok(())
    }
}

impl Reencode for Rewriter {
    type Error = std::convert::Infallible;

    fn parse_type_section(&mut self, types: &mut TypeSection, section: TypeSectionReader<'_>) -> Result<(), Error> {
        utils::parse_type_section(self, types, section)?;
        if !self.long.is_empty() {
            types.ty().function([ValType::I32; 3], []);
        }
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_function_section(self, functions, section)?;
        for _ in &self.long {
            functions.function(self.types);
        }
        Ok(())
    }

    fn parse_code_section(&mut self, code: &mut CodeSection, section: CodeSectionReader<'_>) -> Result<(), Error> {
        utils::parse_code_section(self, code, section)?;
        for bulk in &self.long {
            code.function(&piecewise(*bulk, self.piece));
        }
        Ok(())
    }

    fn instruction<'a>(&mut self, operator: Operator<'a>) -> Result<Instruction<'a>, Error> {
        let Some(bulk) = self.long(&operator) else { return utils::instruction(self, operator) };
        let place = (self.functions..).zip(&self.long).find(|(_, known)| **known == bulk);
        Ok(place.map_or(bulk.instruction(), |(function, _)| Instruction::Call(function)))
    }
}

impl ReencodeComponent for Rewriter {
    fn parse_component_submodule(
        &mut self,
        component: &mut Component,
        parser: Parser,
        module: &[u8],
    ) -> Result<(), Error> {
        self.survey(module)?;
        component_utils::parse_component_submodule(self, component, parser, module)
    }
}

/// The parameters of an operation: where to; what or from where; how many bytes.
const TO: u32 = 0;
const FROM: u32 = 1;
const LENGTH: u32 = 2;

/// A function that does the operation piece by piece. One that reaches out of the memory traps, as it should, if only when
/// it comes there: nobody sees what it did before, since a trap is an instance's end.
fn piecewise(bulk: Bulk, piece: u32) -> Function {
    let forwards = pieces(piece, &from_the_start(bulk, piece));
    let mut body = Vec::new();
    if matches!(bulk, Bulk::Copy { .. }) {
        // What lies over its own end has to be read there before it is written.
        body.extend([Instruction::LocalGet(TO), Instruction::LocalGet(FROM), Instruction::I32LeU]);
        body.push(Instruction::If(BlockType::Empty));
        body.extend(forwards);
        body.push(Instruction::Else);
        body.extend(pieces(piece, &from_the_end(bulk, piece)));
        body.push(Instruction::End);
    } else {
        body.extend(forwards);
    }
    body.extend([Instruction::LocalGet(TO), Instruction::LocalGet(FROM), Instruction::LocalGet(LENGTH)]);
    body.extend([bulk.instruction(), Instruction::End]);
    let mut function = Function::new([]);
    for instruction in &body {
        function.instruction(instruction);
    }
    function
}

/// Does `one` for as long as more than a piece is left.
fn pieces(piece: u32, one: &[Instruction<'static>]) -> Vec<Instruction<'static>> {
    let mut body = vec![Instruction::Block(BlockType::Empty), Instruction::Loop(BlockType::Empty)];
    body.extend([Instruction::LocalGet(LENGTH), constant(piece), Instruction::I32LeU, Instruction::BrIf(1)]);
    body.extend_from_slice(one);
    body.extend([Instruction::Br(0), Instruction::End, Instruction::End]);
    body
}

fn from_the_start(bulk: Bulk, piece: u32) -> Vec<Instruction<'static>> {
    let mut body = vec![Instruction::LocalGet(TO), Instruction::LocalGet(FROM), constant(piece), bulk.instruction()];
    let mut add = |local: u32, with: Instruction<'static>| {
        body.extend([Instruction::LocalGet(local), constant(piece), with, Instruction::LocalSet(local)]);
    };
    add(TO, Instruction::I32Add);
    // What memory is filled with stays as it is.
    if !matches!(bulk, Bulk::Fill { .. }) {
        add(FROM, Instruction::I32Add);
    }
    add(LENGTH, Instruction::I32Sub);
    body
}

fn from_the_end(bulk: Bulk, piece: u32) -> Vec<Instruction<'static>> {
    let mut body =
        vec![Instruction::LocalGet(LENGTH), constant(piece), Instruction::I32Sub, Instruction::LocalSet(LENGTH)];
    for local in [TO, FROM] {
        body.extend([Instruction::LocalGet(local), Instruction::LocalGet(LENGTH), Instruction::I32Add]);
    }
    body.extend([constant(piece), bulk.instruction()]);
    body
}

fn constant(number: u32) -> Instruction<'static> {
    Instruction::I32Const(number.cast_signed())
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        DataCountSection, DataSection, ExportKind, ExportSection, MemorySection, MemoryType, Module, NameMap,
        NameSection,
    };
    use wasmtime::{Engine, Instance, Store};

    use super::*;

    const TEXT: &[u8] = b"the quick brown fox jumps over the lazy dog";

    /// A module whose memory starts with a text, and which exports an operation of each sort.
    fn module() -> Vec<u8> {
        let operations = [
            Instruction::MemoryFill(0),
            Instruction::MemoryCopy { src_mem: 0, dst_mem: 0 },
            Instruction::MemoryInit { mem: 0, data_index: 1 },
        ];
        let (mut types, mut functions, mut memories) =
            (TypeSection::new(), FunctionSection::new(), MemorySection::new());
        types.ty().function([ValType::I32; 3], []);
        memories.memory(MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None });
        let (mut exports, mut code, mut data) = (ExportSection::new(), CodeSection::new(), DataSection::new());
        exports.export("memory", ExportKind::Memory, 0);
        for (operation, (at, name)) in operations.iter().zip((0..).zip(["fill", "copy", "init"])) {
            functions.function(0);
            exports.export(name, ExportKind::Func, at);
            let mut function = Function::new([]);
            for local in [TO, FROM, LENGTH] {
                function.instruction(&Instruction::LocalGet(local));
            }
            function.instruction(operation).instruction(&Instruction::End);
            code.function(&function);
        }
        data.active(0, &wasm_encoder::ConstExpr::i32_const(0), TEXT.iter().copied());
        data.passive(TEXT.iter().rev().copied());
        let (mut names, mut map) = (NameSection::new(), NameMap::new());
        map.append(0, "fill");
        names.functions(&map);
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&memories).section(&exports);
        module.section(&DataCountSection { count: 2 }).section(&code).section(&data).section(&names);
        module.finish()
    }

    fn rewritten(module: &[u8], piece: u32) -> Vec<u8> {
        let (mut rewriter, mut made) = (Rewriter::new(piece), Module::new());
        rewriter.survey(module).expect("a module");
        rewriter.parse_core_module(&mut made, Parser::new(0), module).expect("a module");
        made.finish()
    }

    /// What memory holds afterwards; none where the operation trapped.
    fn run(engine: &Engine, module: &[u8], name: &str, arguments: (u32, u32, u32)) -> Option<Vec<u8>> {
        let module = wasmtime::Module::new(engine, module).expect("a valid module");
        let mut store = Store::new(engine, ());
        let instance = Instance::new(&mut store, &module, &[]).expect("an instance");
        let function = instance.get_typed_func::<(u32, u32, u32), ()>(&mut store, name).expect("a function");
        function.call(&mut store, arguments).ok()?;
        Some(instance.get_memory(&mut store, "memory").expect("a memory").data(&store).to_owned())
    }

    #[test]
    fn in_pieces_it_comes_to_the_same() {
        let (engine, whole) = (Engine::default(), module());
        let in_pieces = rewritten(&whole, 8);
        assert!(in_pieces.len() > whole.len() + 100, "something was put in");
        let check = |name, arguments| {
            let expected = run(&engine, &whole, name, arguments);
            assert!(run(&engine, &in_pieces, name, arguments) == expected, "{name} {arguments:?}");
            expected.is_some()
        };
        for length in [0, 1, 7, 8, 9, 16, 23, 24, 43] {
            for (to, from) in [(0, 0), (0, 5), (5, 0), (3, 11), (11, 3), (20, 0), (0, 20), (100, 0), (65_530, 1)] {
                check("fill", (to, from, length));
                check("copy", (to, from, length));
                check("init", (to, from, length));
            }
        }
        assert!(check("copy", (1, 0, 60_000)));
        assert!(!check("copy", (1, 0, 70_000)), "it reaches out of the memory");
        assert!(!check("fill", (0, 1, u32::MAX)), "it reaches out of the memory");
    }

    #[test]
    fn what_is_short_stays_as_it_is() {
        let mut rewriter = Rewriter::new(8);
        let fill = Operator::MemoryFill { mem: 0 };
        for (constant, is_long) in [(8, false), (9, true), (-1, true)] {
            assert_eq!(rewriter.long(&Operator::I32Const { value: constant }), None);
            assert_eq!(rewriter.long(&fill).is_some(), is_long, "{constant}");
        }
        assert!(rewriter.long(&fill).is_some(), "a length that is not known");
    }
}
