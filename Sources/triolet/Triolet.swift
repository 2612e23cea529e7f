import ArgumentParser
import Configuration
import ServiceLifecycle

@main
struct Triolet: AsyncParsableCommand {
}
