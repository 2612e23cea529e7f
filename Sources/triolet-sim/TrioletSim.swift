import ArgumentParser

@main
struct TrioletSim: ParsableCommand {
}
