use std::time::Instant;
fn main() -> anyhow::Result<()> {
    let t = Instant::now();
    let reader = lookback::reading::Reader::embedded()?;
    println!("load {:?}", t.elapsed());
    for _ in 0..3 {
    let t = Instant::now();
    let r = reader.read("The animal didn't cross the street because it was too tired.")?;
    println!("read {:?}", t.elapsed());
    let t = Instant::now();
    r.measures();
    println!("measure {:?}", t.elapsed());
    println!("{:?}", r.sentence.tokens.iter().map(|t| &t.text).collect::<Vec<_>>());
    for n in lookback::model::Name::ALL { println!("{n} {} {:?}", r.trace(n).output.len(), r.trace(n).sites().len()); }
    }
    let r = reader.read("The animal didn't cross the street because it was too tired.")?;
    let a = r.trace(lookback::model::Name::Transformer).open(&"encoder.1.self_attn.weights[2,7,1]".parse()?)?;
    println!("{} = {}\n {}\n {} -> {:?}", a.address, a.value, a.formula, a.expr.as_ref().unwrap().text(6, &|x| format!("{x:.4}")), a.expr.as_ref().unwrap().eval());
    Ok(())
}
